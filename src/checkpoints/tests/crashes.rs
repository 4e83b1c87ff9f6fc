//! Power is lost at every moment of saving, in every way: a whole checkpoint is found whenever there was one.

use super::faults::{SCENARIOS, Scenario, begin};
use super::*;
use crate::storage::volatile::{State, VolatileDisk};
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

#[test]
fn every_loss_of_power_leaves_the_old_or_the_new_checkpoint() {
    let (mut total, mut distinct) = (0, 0);
    for (scenario, renames_only) in SCENARIOS.iter().flat_map(|scenario| [(scenario, false), (scenario, true)]) {
        let (states, different) = lose_power(scenario, renames_only);
        let renames = if renames_only { ", by renames only" } else { "" };
        println!("{}{renames}: {states} states that a loss of power may leave, {different} of them different", scenario.name);
        (total, distinct) = (total + states, distinct + different);
    }
    println!("{total} states in all, {distinct} of them different: old or new in each");
    assert!(distinct > 500);
}

/// Number of states that were looked at, and of those that differ.
fn lose_power(scenario: &Scenario, renames_only: bool) -> (usize, usize) {
    let disk = VolatileDisk::new(renames_only);
    begin(scenario, &disk);
    disk.settle();
    let started = disk.now();
    (scenario.save)(&disk).unwrap();
    let saved = disk.now();
    (scenario.then)(&disk).unwrap();
    let (mut states, mut seen) = (0, HashSet::new());
    for at in started..=disk.now() {
        for state in disk.states(at) {
            states += 1;
            let mut hasher = DefaultHasher::new();
            (&state, at >= saved).hash(&mut hasher);
            if seen.insert(hasher.finish()) {
                look(scenario, &state, at >= saved, &format!("{}, moment {} of {}", scenario.name, at - started, disk.now() - started));
            }
        }
    }
    (states, seen.len())
}

fn look(scenario: &Scenario, state: &State, saved: bool, context: &str) {
    let system = VolatileDisk::restored(state);
    let shown = || format!("{context}: {:?}", state.keys());
    let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| newest(&system))).unwrap_or_else(|_| panic!("{}", shown()));
    let found = found.0.ok().map(|(_, content)| content);
    let is_old = found.as_deref() == scenario.newest.0;
    let is_new = found.as_deref() == Some(scenario.newest.1);
    assert!(is_new || (is_old && !saved), "{}\nfound {found:?}", shown());
    let notes = system.read(&format!("{RUN}/notes.txt"));
    assert_eq!(notes.is_some(), scenario.newest.0.is_some(), "{}", shown());
    let is_model =
        |content: &str| files(content).into_iter().all(|(name, pieces)| system.read(&format!("{RUN}/{name}")) == Some(pieces.concat()));
    assert!(scenario.newest.0.is_none() || is_model("old model") || is_model("model"), "{}: the model is in part", shown());
    let checkpoints = Checkpoints::new(&system, RUN);
    for step in checkpoints.steps().unwrap() {
        checkpoint_at(&system, &checkpoints.path(step), |told| panic!("{}: {told}", shown()))
            .unwrap_or_else(|error| panic!("{}: {error}", shown()));
    }
    (scenario.save)(&system).and_then(|()| (scenario.then)(&system)).unwrap_or_else(|error| panic!("{}: the next run: {error}", shown()));
    assert_eq!(newest(&system).0.unwrap().1, scenario.newest.1, "{}", shown());
    assert!(!system.anywhere("staging"), "{}: left something", shown());
}
