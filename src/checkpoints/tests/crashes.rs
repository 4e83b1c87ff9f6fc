//! Power is lost at every moment of saving, in every way: a whole checkpoint is found whenever there was one.

use super::faults::{SCENARIOS, Scenario, begin};
use super::*;
use crate::storage::volatile::{State, VolatileDisk, restore};
use std::collections::BTreeSet;

/// States that a loss of power may leave, and what the newest checkpoint may be in them.
type States = BTreeSet<(State, Expected)>;

/// The content of the newest checkpoint before; after it was saved, no more than the new one will do.
type Expected = (Option<String>, bool);

#[test]
fn every_loss_of_power_leaves_the_old_or_the_new_checkpoint() {
    let (mut total, mut distinct) = (0, 0);
    for (scenario, renames_only) in SCENARIOS.iter().flat_map(|scenario| [(scenario, false), (scenario, true)]) {
        let (count, states) = lose_power(scenario, renames_only);
        let renames = if renames_only { ", by renames only" } else { "" };
        println!("{}{renames}: {count} states that a loss of power may leave, {} of them different", scenario.name, states.len());
        states.iter().for_each(|state| look(scenario, state));
        (total, distinct) = (total + count, distinct + states.len());
    }
    println!("{total} states in all, {distinct} of them different: old or new in each");
    assert!(distinct > 1000);
}

/// The run that comes after a loss of power loses its power too, while it brings in order what it finds.
#[test]
fn a_second_loss_of_power_does_no_harm_either() {
    let (mut total, mut distinct) = (0, 0);
    for (scenario, renames_only) in
        SCENARIOS.iter().filter(|scenario| scenario.replaces).flat_map(|scenario| [(scenario, false), (scenario, true)])
    {
        let mut twice = States::new();
        for (state, _) in lose_power(scenario, renames_only).1 {
            let disk = VolatileDisk::new(renames_only);
            restore(&state, &disk);
            disk.settle();
            let started = disk.now();
            let old = newest(&disk).0.ok().map(|(_, content)| content);
            total += possible(&disk, started, |_| (old.clone(), false), &mut twice);
        }
        twice.iter().for_each(|state| look(scenario, state));
        distinct += twice.len();
    }
    println!("{total} states after two losses of power, {distinct} of them different: old or new in each");
    assert!(distinct > 100);
}

/// The states that a loss of power during a scenario may leave, and how many there are with repetitions.
fn lose_power(scenario: &Scenario, renames_only: bool) -> (usize, States) {
    let (disk, mut states) = (VolatileDisk::new(renames_only), States::new());
    begin(scenario, &disk);
    disk.settle();
    let started = disk.now();
    (scenario.save)(&disk).unwrap();
    let saved = disk.now();
    (scenario.then)(&disk).unwrap();
    let old = scenario.newest.0.map(str::to_owned);
    (possible(&disk, started, |at| (old.clone(), at >= saved), &mut states), states)
}

/// Adds the states that a loss of power may leave since `started`; returns how many there are with repetitions.
fn possible(disk: &VolatileDisk, started: usize, expected: impl Fn(usize) -> Expected, states: &mut States) -> usize {
    let mut count = 0;
    for at in started..=disk.now() {
        let possible = disk.states(at);
        count += possible.len();
        states.extend(possible.into_iter().map(|state| (state, expected(at))));
    }
    count
}

fn look(scenario: &Scenario, (state, (old, saved)): &(State, Expected)) {
    let system = MemoryFileSystem::default();
    restore(state, &system);
    let context = || format!("{}: {:?}", scenario.name, state.keys());
    let (found, told) = newest(&system);
    let found = found.ok().map(|(_, content)| content);
    let is_new = found.as_deref() == Some(scenario.newest.1);
    assert!(is_new || (found == *old && !saved), "{}\nfound {found:?}", context());
    assert_eq!(told, [], "{}", context());
    let notes = system.read(&format!("{RUN}/notes.txt"));
    assert_eq!(notes.is_some(), scenario.newest.0.is_some(), "{}", context());
    let is_model =
        |content: &str| files(content).into_iter().all(|(name, pieces)| system.read(&format!("{RUN}/{name}")) == Some(pieces.concat()));
    assert!(notes.is_none() || is_model("old model") || is_model("model"), "{}: the model is in part", context());
    let checkpoints = Checkpoints::new(&system, RUN);
    for step in checkpoints.steps().unwrap() {
        let whole = checkpoint_at(&system, &checkpoints.path(step), |told| panic!("{}: {told}", context()));
        content_of(&system, &whole.unwrap_or_else(|error| panic!("{}: {error}", context())));
    }
    (scenario.save)(&system).and_then(|()| (scenario.then)(&system)).unwrap_or_else(|error| panic!("{}: the next run: {error}", context()));
    assert_eq!(newest(&system).0.unwrap().1, scenario.newest.1, "{}", context());
    assert!(!system.anywhere("staging"), "{}: left something", context());
}
