//! A run that was stopped and goes on ends in the bytes of one that was left alone.
#![cfg(feature = "train")]

mod small_run;

use small_run::{assert_same, content, copy, train, workplace};

/// From whichever step it goes on, in a directory with no later checkpoint.
fn assert_resumes_from_every_step(release: &str, more: &[&str], steps: u64) {
    let workplace = workplace();
    let more: Vec<&str> = more.iter().copied().chain(["--release", release]).collect();
    train(&workplace, &more);
    let whole = content(&workplace.path().join("out"));
    let saved = |step: u64| workplace.path().join("out").join(format!("checkpoint-{step}")).is_dir();
    assert!(saved(steps), "the last checkpoint is of step {steps}");
    for step in (1..=steps).filter(|step| saved(*step)) {
        let stopped = small_run::workplace();
        for checkpoint in (1..=step).filter(|checkpoint| saved(*checkpoint)) {
            for path in [format!("out/checkpoint-{checkpoint}"), format!("out/.rtrain/checkpoint-{checkpoint}.json")] {
                copy(&workplace.path().join(&path), &stopped.path().join(&path));
            }
        }
        let resume: Vec<&str> = more.iter().copied().chain(["--resume_from_checkpoint"]).collect();
        train(&stopped, &resume);
        assert_same(&whole, &content(&stopped.path().join("out")), &format!("release {release}, resumed from step {step}"));
    }
}

#[test]
fn a_run_goes_on_from_any_step_as_if_it_had_not_been_stopped() {
    assert_resumes_from_every_step("5.23.0", &[], 12);
}

#[test]
fn a_run_of_release_4_goes_on_too() {
    assert_resumes_from_every_step("4.57.6", &["--optim=adamw_torch", "--logging_strategy=epoch", "--max_steps=7"], 7);
}

#[test]
fn the_best_checkpoint_and_the_count_of_early_stopping_go_on() {
    let more = [
        "--save_strategy=epoch",
        "--load_best_model_at_end",
        "--metric_for_best_model=accuracy",
        "--early_stopping_patience=2",
        "--num_train_epochs=6",
        "--include_num_input_tokens_seen=non_padding",
    ];
    assert_resumes_from_every_step("5.23.0", &more, 8);
}
