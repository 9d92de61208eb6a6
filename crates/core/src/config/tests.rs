use super::*;

#[test]
fn x() {
    let _ = Config::parse("f", "registry: a\n");
}
