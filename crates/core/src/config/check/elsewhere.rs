//! The checks of what is made elsewhere: policies of bases, external inputs.

use std::collections::BTreeMap;

use super::raw::{self, Text};
use super::{Checker, Complaint};
use crate::config::elsewhere::seconds;
use crate::config::{BasePolicy, BaseRule, BasesConfig, External, ExternalsConfig};

pub(in crate::config) const POLICIES: &[(&str, BasePolicy)] =
    &[("record", BasePolicy::Record), ("follow", BasePolicy::Follow), ("pin", BasePolicy::Pin)];

impl Checker<'_> {
    pub(super) fn bases(&mut self, raw: &raw::Bases) -> BasesConfig {
        self.unknown_keys(&raw.unknown, raw::Bases::KEYS);
        let policy = raw.policy.as_ref().and_then(|word| self.choice(word, "policy of bases", POLICIES));
        let mut images = BTreeMap::new();
        for (pattern, word) in raw.images.iter().flat_map(|images| &images.0) {
            let policy =
                self.valued(pattern, word.as_ref()).and_then(|word| self.choice(word, "policy of bases", POLICIES));
            images.extend(policy.map(|policy| (pattern.value.clone(), policy)));
        }
        BasesConfig { policy: policy.unwrap_or_default(), images }
    }

    /// What a service says of one base: what it is, or how it counts.
    pub(super) fn base_rule(&mut self, rule: &Text) -> Option<BaseRule> {
        if rule.value == "external" {
            return Some(BaseRule::External);
        }
        if let Some((_, policy)) = POLICIES.iter().find(|(word, _)| *word == rule.value) {
            return Some(BaseRule::Policy(*policy));
        }
        let hint = "write `external`, the name of the service that builds it, or `record`, `follow` or `pin`";
        self.parsed(rule, hint).map(BaseRule::Service)
    }

    pub(super) fn externals(&mut self, raw: &raw::Externals) -> ExternalsConfig {
        self.unknown_keys(&raw.unknown, raw::Externals::KEYS);
        let default = ExternalsConfig::default();
        let refresh = raw.refresh.as_ref().and_then(|text| {
            let seconds = seconds(&text.value);
            if seconds.is_none() {
                let complaint = Complaint::new(format!("`{}` is no length of time", text.value));
                self.complain(text, complaint.hint("write a number and a unit, for example `12h` or `7d`"));
            }
            seconds
        });
        ExternalsConfig {
            refresh,
            pypi: raw.pypi.as_ref().and_then(|address| self.address(address)).unwrap_or(default.pypi),
            npm: raw.npm.as_ref().and_then(|address| self.address(address)).unwrap_or(default.npm),
        }
    }

    /// Where an index is: an address of the web, without a slash at its end.
    fn address(&mut self, raw: &Text) -> Option<String> {
        let text = raw.value.trim_end_matches('/');
        let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or_default();
        let illegal = |character: char| {
            character.is_whitespace() || character.is_control() || matches!(character, '?' | '#' | '@' | '\\')
        };
        if host.is_empty() || host.starts_with('/') || host.contains(illegal) {
            let complaint = Complaint::new(format!("`{}` is no address of an index", raw.value));
            self.complain(raw, complaint.hint("an address looks like `https://pypi.org`"));
            return None;
        }
        Some(text.to_owned())
    }

    /// The external inputs of a service, each once.
    pub(super) fn external_inputs(&mut self, raw: &[Text]) -> Vec<External> {
        let mut externals: Vec<External> = Vec::new();
        for text in raw {
            let hint = "write `pypi:NAME`, `npm:NAME` or `url:https://…`";
            let Some(external) = self.parsed::<External>(text, hint) else { continue };
            if externals.contains(&external) {
                self.complain(text, Complaint::new(format!("`{external}` stands here twice")));
            } else {
                externals.push(external);
            }
        }
        externals.sort();
        externals
    }
}
