//! Every operation of saving fails in every way: what was there, or what is new, is found whole, and a second attempt succeeds.

use super::*;
use crate::storage::Fault;
use crate::storage::commit::commit_directory;

/// A state to begin from, and what is done then.
pub(super) struct Scenario {
    pub(super) name: &'static str,
    before: &'static [(u64, &'static str)],
    pub(super) save: fn(&dyn FileSystem) -> Result<()>,
    /// What is done after that.
    pub(super) then: fn(&dyn FileSystem) -> Result<()>,
    /// Whether a directory takes the place of another.
    pub(super) replaces: bool,
    /// The content of the newest checkpoint before and after saving.
    pub(super) newest: (Option<&'static str>, &'static str),
}

pub(super) const SCENARIOS: [Scenario; 5] = [
    Scenario { name: "the first checkpoint", before: &[], save: ten, then: nothing, replaces: false, newest: (None, "ten") },
    Scenario {
        name: "another checkpoint",
        before: &[(5, "five")],
        save: ten,
        then: nothing,
        replaces: false,
        newest: (Some("five"), "ten"),
    },
    Scenario {
        name: "a checkpoint in the place of another",
        before: &[(5, "five"), (10, "ten")],
        save: |system| save(system, 10, "anew"),
        then: nothing,
        replaces: true,
        newest: (Some("ten"), "anew"),
    },
    Scenario {
        name: "another checkpoint and rotation",
        before: &[(2, "two"), (5, "five")],
        save: ten,
        then: |system| Checkpoints::new(system, RUN).rotate(10, Some(1), None).map(drop),
        replaces: false,
        newest: (Some("five"), "ten"),
    },
    Scenario {
        name: "the model beside the checkpoints",
        before: &[(5, "five"), (10, "ten")],
        save: |system| commit_directory(system, RUN, &files("model")),
        then: nothing,
        replaces: true,
        newest: (Some("ten"), "ten"),
    },
];

fn ten(system: &dyn FileSystem) -> Result<()> {
    save(system, 10, "ten")
}

fn nothing(_: &dyn FileSystem) -> Result<()> {
    Ok(())
}

pub(super) fn begin(scenario: &Scenario, system: &dyn FileSystem) {
    if !scenario.before.is_empty() {
        commit_directory(system, RUN, &files("old model")).unwrap();
        system.write_new(&format!("{RUN}/notes.txt"), &[Cow::Borrowed(b"mine")]).unwrap();
    }
    for (step, content) in scenario.before {
        save(system, *step, content).unwrap();
    }
}

fn begun(scenario: &Scenario) -> MemoryFileSystem {
    let system = MemoryFileSystem::default();
    begin(scenario, &system);
    system
}

fn work(scenario: &Scenario, system: &dyn FileSystem) -> Result<()> {
    (scenario.save)(system).and_then(|()| (scenario.then)(system))
}

#[test]
fn every_operation_may_fail_and_the_newest_is_old_or_new() {
    let mut total = 0;
    for scenario in &SCENARIOS {
        let system = begun(scenario);
        system.count_from_here(None);
        work(scenario, &system).unwrap();
        let operations = system.operations();
        let faults: Vec<Fault> = (0..operations).flat_map(Fault::every_kind).collect();
        faults.iter().for_each(|fault| fail(scenario, *fault));
        println!("{}: {operations} operations, {} failures: old or new after each", scenario.name, faults.len());
        total += faults.len();
    }
    println!("{total} failures in all");
    assert!(total > 1500);
}

fn fail(scenario: &Scenario, fault: Fault) {
    let system = begun(scenario);
    system.count_from_here(Some(fault));
    let result = work(scenario, &system);
    system.count_from_here(None);
    let context = format!("{}, {fault:?}", scenario.name);

    let (found, told) = newest(&system);
    let found = found.ok().map(|(_, content)| content);
    assert!(found.as_deref() == scenario.newest.0 || found.as_deref() == Some(scenario.newest.1), "{context}: {found:?}");
    assert_eq!(told, [], "{context}");
    let checkpoints = Checkpoints::new(&system, RUN);
    for step in checkpoints.steps().unwrap() {
        let found = checkpoint_at(&system, &checkpoints.path(step), |told| panic!("{context}: {told}"));
        content_of(&system, &found.unwrap_or_else(|error| panic!("{context}: {error}")));
    }
    match result.map_err(|error| error.diagnostic().clone()) {
        Ok(()) => assert_eq!(found.as_deref(), Some(scenario.newest.1), "{context}"),
        Err(diagnostic) => told_truly(&context, scenario, &diagnostic, found.as_deref()),
    }

    work(scenario, &system).unwrap_or_else(|error| panic!("{context}: the second attempt: {error}"));
    assert_eq!(newest(&system).0.unwrap().1, scenario.newest.1, "{context}");
    assert!(!system.anywhere("staging"), "{context} left something");
}

/// An error names a path, and says truly which state is left.
fn told_truly(context: &str, scenario: &Scenario, diagnostic: &Diagnostic, found: Option<&str>) {
    let Diagnostic { site, message, .. } = diagnostic;
    assert!(site.file.starts_with("runs"), "{context}: {diagnostic}");
    if message.ends_with("/checkpoint-10 is what it was before") {
        assert_eq!(found, scenario.newest.0, "{context}: {diagnostic}");
    } else if message.contains("/checkpoint-10 is new and complete") || message.starts_with("could not remove:") {
        assert_eq!(found, Some(scenario.newest.1), "{context}: {diagnostic}");
    } else {
        assert!(message.contains("; runs/out is ") || message.starts_with("could not list the checkpoints:"), "{context}: {diagnostic}");
    }
}
