//! Random walks: deeper than exhaustion reaches. (The checker's own simulation cannot follow a model whose actions may
//! turn out to be impossible, so the walk is ours.)

use std::collections::BTreeMap;

use stateright::{Expectation, Model};

use crate::rules::Protocol;
use crate::state::State;
use crate::step::Action;

/// Steps of one walk at most.
const LONGEST: usize = 250;
/// Crashes and lost leases are tried once in so many times that they are drawn, so that something happens in between.
const RARE: u32 = 8;

/// What walks came to.
#[derive(Debug, Default)]
pub(crate) struct Walked {
    pub steps: usize,
    /// The first violation: the property, the seed of the walk, and its steps.
    pub violation: Option<(&'static str, u64, Vec<Action>)>,
    /// In how many walks something was reached.
    pub reached: BTreeMap<&'static str, usize>,
}

/// Walks until `steps` are done or a property is violated. The walk with a seed is the same every time.
pub(crate) fn walk(protocol: &Protocol, steps: usize) -> Walked {
    let mut walked = Walked::default();
    let properties = protocol.properties();
    for seed in 0.. {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut state = protocol.init_states().remove(0);
        let mut path = Vec::new();
        let mut reached = BTreeMap::new();
        while let Some((action, next)) = any_step(protocol, &state, &mut random).filter(|_| path.len() < LONGEST) {
            path.push(action);
            state = next;
            for property in &properties {
                match ((property.condition)(protocol, &state), &property.expectation) {
                    (false, Expectation::Always) => {
                        walked.steps += path.len();
                        walked.violation = Some((property.name, seed, path));
                        return walked;
                    }
                    (true, Expectation::Sometimes) => drop(reached.insert(property.name, ())),
                    _ => {}
                }
            }
        }
        walked.steps += path.len();
        for name in reached.into_keys() {
            *walked.reached.entry(name).or_default() += 1;
        }
        if walked.steps >= steps {
            break;
        }
    }
    walked
}

fn any_step(protocol: &Protocol, state: &State, random: &mut fastrand::Rng) -> Option<(Action, State)> {
    let mut actions = Vec::new();
    protocol.actions(state, &mut actions);
    while !actions.is_empty() {
        let action = actions.swap_remove(random.usize(..actions.len()));
        if matches!(action, Action::Crash(_) | Action::LeaseLost) && random.u32(..RARE) != 0 {
            continue;
        }
        if let Some(next) = protocol.next_state(state, action) {
            return Some((action, next));
        }
    }
    None
}
