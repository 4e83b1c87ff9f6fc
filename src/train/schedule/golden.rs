//! What transformers says of the same schedules: `tests/golden/schedules.json`, written by `tests/golden/schedules.py`.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::*;
use crate::train::arguments::{Origin, RawValue, Values};

const GOLDEN: &str = include_str!("../../../tests/golden/schedules.json");

fn arguments(given: &Map<String, Value>, release: &str) -> Result<TrainingArguments> {
    let raw = |value| RawValue { value, origin: Origin::File(Site::file("train.yaml")) };
    let mut values = Values::new();
    for name in ["model_name_or_path", "train_file", "validation_file", "output_dir"] {
        values.insert(name.to_owned(), raw(json!(name)));
    }
    let follows_metric = ["reduce_lr_on_plateau", "greedy"].contains(&given["lr_scheduler_type"].as_str().unwrap());
    values.insert("eval_strategy".to_owned(), raw(json!(if follows_metric { "epoch" } else { "no" })));
    values.insert("release".to_owned(), raw(json!(release)));
    values.extend(given.iter().map(|(name, value)| (name.clone(), raw(value.clone()))));
    TrainingArguments::resolve(&values)
}

fn schedule(case: &Value, release: &str) -> Result<Schedule> {
    let arguments = arguments(case["arguments"].as_object().unwrap(), release)?;
    Schedule::new(&arguments, case["total_steps"].as_u64().unwrap() as usize)
}

/// The schedule in which the run goes on, with other arguments or another length, from the same state.
fn resumed(case: &Value, release: &str, state: &SchedulerState) -> Result<Schedule> {
    let mut later = case.clone();
    let change = case["resumed"].as_object().unwrap();
    for (name, value) in change.get("arguments").and_then(Value::as_object).into_iter().flatten() {
        later["arguments"][name] = value.clone();
    }
    later["total_steps"] = change.get("total_steps").unwrap_or(&case["total_steps"]).clone();
    let mut schedule = schedule(&later, release)?;
    schedule.restore("scheduler.pt", state)?;
    Ok(schedule)
}

/// The learning rate of so many steps, and where the schedule stands then. Now and then the run is stopped, and goes on from its file.
fn run(case: &Value, release: &str, steps: usize) -> Result<(Vec<f64>, Schedule)> {
    let (mut schedule, mut rates) = (schedule(case, release)?, Vec::new());
    for step in 0..steps {
        let read = || SchedulerState::parse("scheduler.pt", &schedule.state().to_bytes()).unwrap();
        if case["resumed"]["after"] == json!(step) {
            schedule = resumed(case, release, &read())?;
        } else if step % 1000 == 3 && case.get("resumed").is_none() {
            let state = read();
            schedule = self::schedule(case, release)?;
            schedule.restore("scheduler.pt", &state)?;
        }
        rates.push(schedule.learning_rate());
        match case.get("metrics") {
            Some(metrics) => schedule.observe(metrics[step].as_f64().unwrap_or_else(|| metrics[step].as_str().unwrap().parse().unwrap())),
            None => schedule.step(),
        }
    }
    assert_eq!(schedule.follows_metric(), case.get("metrics").is_some());
    Ok((rates, schedule))
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Cases of each release that have learning rates, and that are refused.
#[test]
fn every_learning_rate_and_every_file_is_that_of_transformers() {
    let mut counts = [0; 2];
    for case in serde_json::from_str::<Vec<Value>>(GOLDEN).unwrap() {
        for release in case["releases"].as_array().unwrap() {
            let release = release.as_str().unwrap();
            let name = format!("{release} {} {} {}", case["arguments"], case["total_steps"], case["resumed"]);
            let rates = case.get("rates").map(|rates| rates.as_array().unwrap());
            let past_the_end = case["resumed"].get("total_steps").unwrap_or(&case["total_steps"]).as_u64().unwrap() as usize + 3;
            let found = run(&case, release, rates.map_or(past_the_end, Vec::len));
            counts[usize::from(case.get("error").is_some())] += 1;
            let Ok((found, schedule)) = found else {
                assert!(case.get("error").is_some(), "{name}: {found:?}");
                continue;
            };
            assert_eq!(case.get("error"), None, "{name}");
            match rates {
                Some(rates) => {
                    let same = rates.iter().zip(&found).all(|(rate, found)| rate.as_f64().unwrap().to_bits() == found.to_bits());
                    assert!(same && rates.len() == found.len(), "{name}: {rates:?} {found:?}");
                }
                None => {
                    let bytes: Vec<u8> = found.iter().flat_map(|rate| rate.to_le_bytes()).collect();
                    assert_eq!(case["rates_sha256"], sha256(&bytes), "{name}");
                }
            }
            assert_eq!(case["state_sha256"], sha256(&schedule.state().to_bytes()), "{name}: {schedule:?}");
        }
    }
    println!("{} runs, {} refusals", counts[0], counts[1]);
    assert_eq!(counts, [333, 77]);
}
