//! The policies of the past, by name and version.

use mizan_core::policy::{Conflict, Declared, Policies, Policy, Promises, Verdict};
use mizan_core::{DeletePolicy, Entity, Name, Rivalry};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Policies under the ids that decisions record: `longest/1` and `longest/2` are two of them.
///
/// The declared policy needs no entry. What is not here cannot be asked again: such decisions are unverifiable, which
/// is no failure (LAWS 1.7 i).
///
/// ```
/// use mizan::replay::PolicyRegistry;
/// use mizan::core::policy::{Conflict, Policy, Verdict};
/// # struct Longest(u8);
/// # impl Policy for Longest {
/// #     fn id(&self) -> mizan::core::Name { format!("longest/{}", self.0).into() }
/// #     fn resolve(&self, _: &Conflict<'_>) -> Verdict { Verdict::Park }
/// # }
/// let registry = PolicyRegistry::default().with(Longest(1)).with(Longest(2));
/// assert!(registry.knows("longest/1") && !registry.knows("longest/3"));
/// ```
#[derive(Clone, Default)]
pub struct PolicyRegistry(BTreeMap<Name, Arc<dyn Policy>>);

impl PolicyRegistry {
    /// The policies that a program registers today; older versions are added with [`PolicyRegistry::with`].
    #[must_use]
    pub fn of(policies: &Policies) -> Self {
        policies.each().cloned().fold(Self::default(), Self::with_shared)
    }

    /// Adds a policy.
    #[must_use]
    pub fn with(self, policy: impl Policy + 'static) -> Self {
        self.with_shared(Arc::new(policy))
    }

    /// Adds a policy that others hold too.
    #[must_use]
    pub fn with_shared(mut self, policy: Arc<dyn Policy>) -> Self {
        self.0.insert(policy.id(), policy);
        self
    }

    /// True where the policy of that id, with its version, is here.
    #[must_use]
    pub fn knows(&self, id: &str) -> bool {
        self.0.contains_key(id)
    }

    /// The policy that a decision names, with a note of what could not be asked.
    pub(crate) fn recorded(&self, id: &Name) -> Recorded {
        let mut parts = BTreeMap::new();
        let mut declared = false;
        for part in id.split('+') {
            let (name, _) = part.split_once('/').unwrap_or((part, ""));
            let part = Name::new(part);
            if part == Declared.id() {
                declared = true;
            } else {
                let policy = self.0.get(&part).cloned().ok_or(part);
                parts.insert(Name::new(name), policy);
            }
        }
        Recorded {
            id: id.clone(),
            whole: self.0.get(id).cloned(),
            declared,
            parts,
            own: AtomicBool::new(false),
            missing: Mutex::new(None),
        }
    }
}

impl fmt::Debug for PolicyRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}

/// A policy as a decision names it, put together again; it notes where it was asked for what is not there.
pub(crate) struct Recorded {
    id: Name,
    /// A policy that is registered under exactly this id decides everything.
    whole: Option<Arc<dyn Policy>>,
    declared: bool,
    parts: BTreeMap<Name, Result<Arc<dyn Policy>, Name>>,
    own: AtomicBool,
    missing: Mutex<Option<Name>>,
}

impl Recorded {
    /// Forgets what was noted.
    pub(crate) fn begin(&self) {
        self.own.store(false, Ordering::Relaxed);
        *self.missing.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// What was asked for and is not there.
    pub(crate) fn missing(&self) -> Option<Name> {
        self.missing.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// True where code of the user's own was asked, which may be anything but a function.
    pub(crate) fn asked_own(&self) -> bool {
        self.own.load(Ordering::Relaxed)
    }

    fn lacks(&self, what: &Name) {
        let mut missing = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
        missing.get_or_insert_with(|| what.clone());
    }

    fn ask(&self, policy: &dyn Policy, conflict: &Conflict<'_>) -> Verdict {
        self.own.store(true, Ordering::Relaxed);
        policy.resolve(conflict)
    }

    fn ask_declared(&self, conflict: &Conflict<'_>) -> Verdict {
        if !self.declared {
            self.lacks(&self.id);
        }
        Declared.resolve(conflict)
    }
}

impl Policy for Recorded {
    fn id(&self) -> Name {
        self.id.clone()
    }

    fn promises(&self) -> Promises {
        Promises::NONE
    }

    fn resolve(&self, conflict: &Conflict<'_>) -> Verdict {
        if let Some(whole) = &self.whole {
            return self.ask(whole.as_ref(), conflict);
        }
        match &conflict.field.rivalry {
            Rivalry::Custom(name) => match self.parts.get(name) {
                Some(Ok(policy)) => self.ask(policy.as_ref(), conflict),
                Some(Err(missing)) => {
                    self.lacks(missing);
                    Verdict::Park
                }
                None => self.ask_declared(conflict),
            },
            Rivalry::Prefer(_)
            | Rivalry::Manual
            | Rivalry::Newest
            | Rivalry::Greatest
            | Rivalry::Least
            | Rivalry::KeepBoth => self.ask_declared(conflict),
        }
    }

    fn on_delete(&self, entity: &Entity) -> DeletePolicy {
        match &self.whole {
            Some(whole) => {
                self.own.store(true, Ordering::Relaxed);
                whole.on_delete(entity)
            }
            None => {
                if !self.declared {
                    self.lacks(&self.id);
                }
                entity.on_delete
            }
        }
    }
}
