//! The gateways of this deployment, by name.
//!
//! Invariant: there is always a default, and it is one of them. Reading configuration is not here.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::gateway::Gateway;

/// Every configured gateway and which of them takes new payments.
#[derive(Clone)]
pub struct Gateways {
    by_name: BTreeMap<&'static str, Arc<dyn Gateway>>,
    default: Arc<dyn Gateway>,
}

impl Gateways {
    /// `None` when `default` names none of `gateways`.
    pub fn new(gateways: impl IntoIterator<Item = Arc<dyn Gateway>>, default: &str) -> Option<Gateways> {
        let by_name: BTreeMap<_, _> = gateways.into_iter().map(|gateway| (gateway.name(), gateway)).collect();
        let default = Arc::clone(by_name.get(default)?);
        Some(Gateways { by_name, default })
    }

    pub fn get(&self, name: &str) -> Option<&Arc<dyn Gateway>> {
        self.by_name.get(name)
    }

    /// The gateway that takes new payments.
    pub fn default(&self) -> &Arc<dyn Gateway> {
        &self.default
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<dyn Gateway>> {
        self.by_name.values()
    }
}
