use super::*;
use crate::format::torch::golden;
use proptest::prelude::*;

#[test]
fn files_of_torch_survive() {
    let files = golden::files(|path| path.ends_with("scheduler.pt"));
    assert_eq!(files.len(), 18);
    for (path, bytes) in files {
        let state = SchedulerState::parse(&path, &bytes).unwrap();
        let typed = match &state.schedule {
            Schedule::Lambda(schedule) => schedule.base_lrs == [Number::Float(5e-5); 2],
            Schedule::Plateau(schedule) => schedule.mode == "min" && path.contains("plateau") | path.contains("sgd"),
            Schedule::Greedy(schedule) => schedule.init_lrs == [Number::Float(5e-5); 2] && path.contains("greedy"),
            Schedule::Other(_) => false,
        };
        assert!(typed, "{path}: {state:?}");
        assert!(state.to_bytes() == bytes, "{path}");
    }
}

#[test]
fn schedules_are_written_from_their_kind_and_their_numbers() {
    for (kind, factor) in
        [("linear", 7.0 / 8.0), ("constant", 1.0), ("constant_with_warmup", 1.0), ("inverse_sqrt", 1.5_f64.sqrt().recip())]
    {
        let bytes = &golden::files(|path| path == format!("5.23.0/schedulers/{kind}/scheduler.pt"))[0].1;
        let written = SchedulerState::after(kind, 5e-5, factor, 3, 2);
        assert_eq!(written, SchedulerState::parse("scheduler.pt", bytes).unwrap());
        assert!(written.to_bytes() == *bytes, "{kind}");
    }
}

fn number() -> impl Strategy<Value = Number> {
    prop_oneof![any::<i64>().prop_map(Number::Integer), (-1e9..1e9).prop_map(Number::Float)]
}

fn schedule() -> impl Strategy<Value = Schedule> {
    let numbers = || prop::collection::vec(number(), 0..4);
    let lambda = (numbers(), any::<(i64, i64, bool, bool)>(), numbers(), prop::collection::vec(any::<bool>(), 0..4)).prop_map(
        |(base_lrs, (last_epoch, step_count, is_initial, get_lr_called_within_step), last_lr, plain)| {
            let lr_lambdas = plain.into_iter().map(|plain| (!plain).then(|| vec![("a".to_owned(), 1_u64.into())])).collect();
            Schedule::Lambda(LambdaLr { base_lrs, last_epoch, step_count, is_initial, get_lr_called_within_step, last_lr, lr_lambdas })
        },
    );
    let plateau = (numbers(), number(), any::<(i64, i64, i64)>(), "[a-z]{0,4}").prop_map(|(lrs, one, (patience, cooldown, bad), mode)| {
        Schedule::Plateau(ReduceLrOnPlateau {
            factor: one,
            default_min_lr: (cooldown % 2 == 0).then_some(one),
            min_lrs: lrs.clone(),
            patience,
            cooldown,
            eps: Number::Integer(0),
            last_epoch: patience,
            last_lr: lrs,
            mode_worse: f64::INFINITY,
            mode,
            threshold: one,
            threshold_mode: "rel".to_owned(),
            best: one,
            cooldown_counter: cooldown,
            num_bad_epochs: bad,
        })
    });
    let average = (any::<i64>(), numbers(), -1e9..1e9).prop_map(|(window_size, values, sum)| StreamingAverage { window_size, values, sum });
    let greedy = (numbers(), number(), any::<[i64; 3]>(), "[a-z]{0,4}", prop::option::of(average)).prop_map(
        |(lrs, one, [patience, cooldown, counter], mode, streaming_average)| {
            Schedule::Greedy(Box::new(GreedyLr {
                factor: one,
                min_lrs: lrs.clone(),
                max_lrs: vec![one],
                patience,
                verbose: patience < 0,
                cooldown,
                warmup: patience,
                cooldown_counter: cooldown,
                warmup_counter: counter,
                mode,
                threshold: one,
                threshold_mode: "abs".to_owned(),
                best: f64::INFINITY,
                num_bad_epochs: counter,
                num_good_epochs: patience,
                eps: one,
                last_epoch: counter,
                smooth: streaming_average.is_some(),
                window_size: cooldown,
                reset_start: counter,
                reset_start_original: patience,
                last_lr: lrs.clone(),
                init_lrs: lrs,
                streaming_average,
            }))
        },
    );
    let other = prop::collection::btree_map("[a-z]{1,5}", number(), 0..5)
        .prop_map(|map| Schedule::Other(map.into_iter().map(|(name, number)| (name, number.into())).collect()));
    prop_oneof![lambda, plateau, greedy, other]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn states_survive(schedule in schedule()) {
        let state = SchedulerState { stem: "scheduler".to_owned(), schedule };
        let bytes = state.to_bytes();
        let read = SchedulerState::parse("f", &bytes).unwrap();
        prop_assert_eq!(&read, &state);
        prop_assert_eq!(read.to_bytes(), bytes);
    }
}
