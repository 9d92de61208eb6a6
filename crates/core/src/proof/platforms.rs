//! An image for several platforms is as good as the worst of its images: one verdict, which names the platforms that differ.

use crate::dockerfile::Recipe;
use crate::graph::Service;
use crate::image::{Platform, build_platform, platforms_text};
use crate::inputs::evaluate::Evaluated;
use crate::inputs::set::InputSet;
use crate::proof::{ImageContent, Mismatch, Proof, claim, judge};

/// What the images of a service, each with its platform, say of a commit that has this service, made of this.
///
/// The platform is none where the image does not tell it; it is taken for the service's first one.
pub fn judge_all(service: &Service, evaluated: &Evaluated, images: &[(Option<Platform>, ImageContent)]) -> Proof {
    let proofs = images.iter().map(|(platform, content)| {
        let proof = match made_on(service, evaluated, platform.as_ref()) {
            Ok((recipe, set)) => judge(&claim(recipe, set, content), content),
            Err(why) => Proof::Unknown { why },
        };
        (platform.clone(), proof)
    });
    together(proofs.collect())
}

/// What a service is made of on a platform; else why that is not known.
fn made_on<'a>(
    service: &'a Service,
    evaluated: &'a Evaluated,
    platform: Option<&Platform>,
) -> Result<(&'a Recipe, &'a InputSet), String> {
    let cannot = |error: &dyn std::fmt::Display| format!("it cannot be built there: {error}");
    let first = service.recipe.as_ref().map_err(|error| cannot(error))?;
    if let Some(error) = evaluated.errors.first() {
        return Err(cannot(error));
    }
    let platform = platform.unwrap_or(&service.platform);
    let recipes = std::iter::once(first).chain(service.further.iter().map(|(_, recipe)| recipe));
    let mut made = recipes.zip(evaluated.set.on_each());
    if let Some((recipe, set)) = made.find(|(_, set)| set.platform.fits(platform)) {
        return Ok((recipe, set));
    }
    let parsed = service.parsed.as_ref().map_err(|error| cannot(error))?;
    let build = build_platform(service.platforms());
    let other = parsed.recipe_on(service.target.as_deref(), &service.args, platform, &build);
    if other.is_ok_and(|other| other == **first) {
        return Ok((first, &evaluated.set));
    }
    Err(format!(
        "it is built for {} here, and its Dockerfile makes something else of {platform}: name all in \
         `services.{}.platforms`",
        platforms_text(service.platforms()),
        service.name
    ))
}

/// One verdict of those on each platform: what differs counts first, then what is not known.
fn together(mut proofs: Vec<(Option<Platform>, Proof)>) -> Proof {
    if let [(_, proof)] = proofs.as_slice() {
        return proof.clone();
    }
    if proofs.iter().any(|(_, proof)| matches!(proof, Proof::Differs { .. })) {
        return differing(&proofs);
    }
    let unknown = |proof: &Proof| matches!(proof, Proof::Unknown { .. });
    // Of several that fit, the one of which the least was seen.
    proofs.sort_by_key(|(_, proof)| match proof {
        Proof::Fits { seen, of } => (false, std::cmp::Reverse(of.saturating_sub(*seen))),
        _ => (!unknown(proof), std::cmp::Reverse(0)),
    });
    let found = proofs.iter().find(|(_, proof)| unknown(proof));
    let found = found.or_else(|| proofs.iter().find(|(_, proof)| matches!(proof, Proof::Fits { .. })));
    match found.or(proofs.first()) {
        Some((Some(platform), Proof::Unknown { why })) => Proof::Unknown { why: format!("{platform}: {why}") },
        Some((_, proof)) => proof.clone(),
        None => Proof::Unknown { why: "it is an index of no images".to_owned() },
    }
}

/// The verdict where some platforms differ: the counts are those of the one that differs most.
fn differing(proofs: &[(Option<Platform>, Proof)]) -> Proof {
    let mut all: Vec<Mismatch> = Vec::new();
    let mut least = (usize::MAX, 0);
    for (platform, proof) in proofs {
        let Proof::Differs { seen, of, mismatches } = proof else { continue };
        least = least.min((*seen, *of));
        for mismatch in mismatches {
            let same = |known: &&mut Mismatch| {
                (&known.what, known.line, known.how) == (&mismatch.what, mismatch.line, mismatch.how)
            };
            match all.iter_mut().find(same) {
                Some(known) => known.platforms.extend(platform.clone()),
                None => all.push(Mismatch { platforms: platform.iter().cloned().collect(), ..mismatch.clone() }),
            }
        }
    }
    for mismatch in &mut all {
        // What differs on all of them is not said of each.
        if mismatch.platforms.len() == proofs.len() {
            mismatch.platforms.clear();
        }
    }
    all.sort();
    let (seen, of) = least;
    Proof::Differs { seen, of, mismatches: all }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proof::MismatchKind;

    fn on(platforms: &[&str], what: &str) -> Mismatch {
        let platforms = platforms.iter().map(|platform| platform.parse().unwrap()).collect();
        Mismatch { what: what.to_owned(), line: 2, how: MismatchKind::Content, platforms }
    }

    fn differs(seen: usize, mismatches: Vec<Mismatch>) -> Proof {
        Proof::Differs { seen, of: 3, mismatches }
    }

    #[test]
    fn an_image_is_as_good_as_its_worst_platform() {
        let (proved, fits) = (Proof::Proved { files: 3 }, |seen| Proof::Fits { seen, of: 3 });
        let unknown = || Proof::Unknown { why: "no layers".to_owned() };
        let both = |one: Proof, other: Proof| {
            let [amd, arm] = ["linux/amd64", "linux/arm64"].map(|platform| Some(platform.parse().unwrap()));
            together(vec![(amd, one), (arm, other)])
        };
        assert_eq!(both(proved.clone(), proved.clone()), proved);
        assert_eq!(both(proved.clone(), fits(2)), fits(2));
        assert_eq!(both(fits(2), fits(1)), fits(1));
        assert_eq!(both(proved.clone(), unknown()), Proof::Unknown { why: "linux/arm64: no layers".to_owned() });
        assert_eq!(both(unknown(), fits(1)), Proof::Unknown { why: "linux/amd64: no layers".to_owned() });
        assert_eq!(
            both(proved, differs(1, vec![on(&[], "a"), on(&[], "b")])),
            differs(1, vec![on(&["linux/arm64"], "a"), on(&["linux/arm64"], "b")])
        );
        assert_eq!(
            both(differs(2, vec![on(&[], "a")]), differs(1, vec![on(&[], "a"), on(&[], "b")])),
            differs(1, vec![on(&[], "a"), on(&["linux/arm64"], "b")])
        );
        assert_eq!(together(vec![(None, unknown())]), unknown());
    }
}
