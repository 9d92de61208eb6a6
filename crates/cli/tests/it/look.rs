//! What the commands that look print.

use crate::shop::Shop;

#[test]
fn probe() {
    let shop = Shop::new();
    eprintln!("{}", shop.told(&["plan", "v1.0.0"]));
    eprintln!("{}", shop.told(&["release", "v1.0.0"]));
    eprintln!("{}", shop.told(&["plan", "v1.1.0"]));
    shop.repo.write("tools/clock/clock.py", "ticks = 2\n");
    shop.repo.commit("Tick faster");
    eprintln!("{}", shop.told(&["plan", "v1.1.0"]));
    eprintln!("{}", shop.told(&["why", "api"]));
    eprintln!("{}", shop.told(&["why", "frontend"]));
    eprintln!("{}", shop.told(&["status"]));
    eprintln!("{}", shop.told(&["status", "v9"]));
    eprintln!("{}", shop.told(&["why", "api", "--format", "json"]));
    eprintln!("{}", shop.told(&["why", "api", "--format", "markdown"]));
}
