//! `policy_laws!`: one test for each law of a policy.

/// Makes one `#[test]` of each law of a policy, in a module `laws` where it stands: `total`, `deterministic`,
/// `arrival_order`, `unanimous`, `no_invention`, `side_symmetry`, `incremental`, `fixpoint`, `normaliser_stable` and
/// `ignores_undeclared_stamps`. Two policies want two modules around them.
///
/// `field` is a [`Field`](mizan_core::Field); give an `entity` too, and it is the name of one of its fields. `values`
/// is any proptest strategy of values. `sides` says how many take part, 2 to 3 if left out. `promises` is what the
/// policy is held to, in place of what it says of itself: `Symmetric` and `Incremental` are laws, `Merges` and
/// `ReadsStamps` are liberties. A law that does not bind the policy passes. `cases` is how many disputes each law is
/// tried on.
///
/// ```
/// mod mine {
///     use mizan_core::policy::{Conflict, Policy, Verdict};
///     use mizan_core::{Field, Name, Type};
///     use mizan_testkit::strategies::decimals;
///
///     struct Largest;
///     impl Policy for Largest {
///         fn id(&self) -> Name {
///             "largest/1".into()
///         }
///         fn resolve(&self, conflict: &Conflict<'_>) -> Verdict {
///             let all = conflict.candidates.iter().enumerate();
///             let best = all.max_by_key(|(_, one)| one.value);
///             best.map_or(Verdict::Park, |(index, _)| Verdict::Take(index))
///         }
///     }
///
///     mizan_testkit::policy_laws! {
///         policy: Largest,
///         field: Field::new("total", Type::Decimal),
///         values: decimals(),
///         sides: 2..=3,
///         promises: [Symmetric, Incremental],
///     }
/// }
/// ```
#[macro_export]
macro_rules! policy_laws {
    (
        policy: $policy:expr,
        entity: $entity:expr,
        field: $field:expr,
        values: $values:expr
        $(, sides: $sides:expr)?
        $(, promises: [$($promise:ident),* $(,)?])?
        $(, cases: $cases:expr)?
        $(,)?
    ) => {
        $crate::policy_laws! { @tests
            |policy, law| {
                let check = $crate::policy_laws::PolicyCheck::of(policy, $entity, $field)
                    $(.sides($sides))?
                    $(.promises($crate::policy_laws!(@promises $($promise)*)))?
                    $(.cases($cases))?;
                check.law(law, &$values)
            },
            $policy
        }
    };
    (
        policy: $policy:expr,
        field: $field:expr,
        values: $values:expr
        $(, sides: $sides:expr)?
        $(, promises: [$($promise:ident),* $(,)?])?
        $(, cases: $cases:expr)?
        $(,)?
    ) => {
        $crate::policy_laws! { @tests
            |policy, law| {
                let check = $crate::policy_laws::PolicyCheck::new(policy, $field)
                    $(.sides($sides))?
                    $(.promises($crate::policy_laws!(@promises $($promise)*)))?
                    $(.cases($cases))?;
                check.law(law, &$values)
            },
            $policy
        }
    };
    (@promises $($promise:ident)*) => {{
        #[allow(unused_mut)]
        let mut promises = $crate::policy_laws::__private::Promises::NONE;
        $($crate::policy_laws!(@promise promises $promise);)*
        promises
    }};
    (@promise $promises:ident Symmetric) => { $promises.symmetric = true };
    (@promise $promises:ident Incremental) => { $promises.incremental = true };
    (@promise $promises:ident Merges) => { $promises.merges = true };
    (@promise $promises:ident ReadsStamps) => { $promises.reads_stamps = true };
    (@tests $check:expr, $policy:expr) => {
        #[cfg(test)]
        fn check_policy_law(law: $crate::policy_laws::PolicyLaw) {
            type Broken = ::std::boxed::Box<$crate::policy_laws::BrokenLaw>;
            type Check = fn(
                &dyn $crate::policy_laws::__private::Policy,
                $crate::policy_laws::PolicyLaw,
            ) -> ::std::result::Result<(), Broken>;
            let check: Check = $check;
            if let ::std::result::Result::Err(broken) = check(&$policy, law) {
                ::std::panic!("{broken}");
            }
        }
        $crate::policy_laws! { @test
            total Total, deterministic Deterministic, arrival_order ArrivalOrder,
            unanimous Unanimous, no_invention NoInvention, side_symmetry SideSymmetry,
            incremental Incremental, fixpoint Fixpoint, normaliser_stable NormaliserStable,
            ignores_undeclared_stamps IgnoresUndeclaredStamps
        }
    };
    (@test $($name:ident $law:ident),*) => {
        #[cfg(test)]
        mod laws {
            $(
                #[test]
                fn $name() {
                    super::check_policy_law($crate::policy_laws::PolicyLaw::$law);
                }
            )*
        }
    };
}
