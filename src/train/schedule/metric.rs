//! The schedules that follow a metric: what each evaluation does to the learning rate.

use crate::format::torch::scheduler_state::{GreedyLr, Number, ReduceLrOnPlateau, StreamingAverage};

/// `ReduceLROnPlateau.step`.
///
/// # Source
/// torch 2.15.0, `torch/optim/lr_scheduler.py`.
pub(super) fn observe_plateau(state: &mut ReduceLrOnPlateau, metric: f64) {
    state.last_epoch = state.last_epoch.saturating_add(1);
    if is_better(metric, state.best.to_f64(), &state.mode, &state.threshold_mode, state.threshold.to_f64()) {
        state.best = Number::Float(metric);
        state.num_bad_epochs = 0;
    } else {
        state.num_bad_epochs = state.num_bad_epochs.saturating_add(1);
    }
    if state.cooldown_counter > 0 {
        state.cooldown_counter -= 1;
        state.num_bad_epochs = 0;
    }
    if state.num_bad_epochs > state.patience {
        for (rate, least) in state.last_lr.iter_mut().zip(&state.min_lrs) {
            reduce(rate, *least, state.factor.to_f64(), state.eps.to_f64());
        }
        state.cooldown_counter = state.cooldown;
        state.num_bad_epochs = 0;
    }
}

/// `GreedyLR.step`.
///
/// # Source
/// transformers 5.23.0, `optimization.py`.
pub(super) fn observe_greedy(state: &mut GreedyLr, metric: f64) {
    let current = match &mut state.streaming_average {
        Some(average) if state.smooth => mean_with(average, metric),
        _ => metric,
    };
    state.last_epoch = state.last_epoch.saturating_add(1);
    if state.cooldown_counter > 0 || state.warmup_counter > 0 {
        let counter = if state.cooldown_counter > 0 { &mut state.cooldown_counter } else { &mut state.warmup_counter };
        *counter -= 1;
        (state.num_bad_epochs, state.num_good_epochs) = (0, 0);
        return;
    }
    if is_better(current, state.best, &state.mode, &state.threshold_mode, state.threshold.to_f64()) {
        state.best = current;
        (state.num_bad_epochs, state.num_good_epochs) = (0, state.num_good_epochs.saturating_add(1));
    } else {
        (state.num_bad_epochs, state.num_good_epochs) = (state.num_bad_epochs.saturating_add(1), 0);
    }
    if state.num_good_epochs > state.patience {
        raise_all(state);
        state.warmup_counter = state.warmup;
        state.num_good_epochs = 0;
    } else if state.num_bad_epochs > state.patience {
        reduce_all(state);
        // After a reset, too.
        state.cooldown_counter = state.cooldown;
        state.num_bad_epochs = 0;
    }
}

fn raise_all(state: &mut GreedyLr) {
    for (rate, most) in state.last_lr.iter_mut().zip(&state.max_lrs) {
        let old = rate.to_f64();
        let risen = old / state.factor.to_f64();
        let new = if most.to_f64() < risen { *most } else { Number::Float(risen) };
        if new.to_f64() - old > state.eps.to_f64() {
            *rate = new;
        }
    }
    state.reset_start = state.reset_start_original;
}

fn reduce_all(state: &mut GreedyLr) {
    for (rate, least) in state.last_lr.iter_mut().zip(&state.min_lrs) {
        reduce(rate, *least, state.factor.to_f64(), state.eps.to_f64());
    }
    let above_least = |(rate, least): (&Number, &Number)| rate.to_f64() > least.to_f64();
    if state.last_lr.iter().zip(&state.min_lrs).any(above_least) {
        return;
    }
    state.reset_start = state.reset_start.saturating_sub(1);
    if state.reset_start <= 0 {
        reset(state);
    }
}

fn reset(state: &mut GreedyLr) {
    state.last_lr.clone_from(&state.init_lrs);
    state.best = if state.mode == "min" { f64::INFINITY } else { f64::NEG_INFINITY };
    (state.num_bad_epochs, state.num_good_epochs) = (0, 0);
    (state.cooldown_counter, state.warmup_counter) = (0, 0);
    state.reset_start = state.reset_start_original;
    if state.smooth && state.streaming_average.is_some() {
        state.streaming_average = Some(StreamingAverage { window_size: state.window_size, values: Vec::new(), sum: 0.0 });
    }
}

/// Takes the metric in, and returns the mean.
fn mean_with(average: &mut StreamingAverage, metric: f64) -> f64 {
    average.values.push(Number::Float(metric));
    average.sum += metric;
    if average.values.len() as i64 > average.window_size {
        average.sum -= average.values.remove(0).to_f64();
    }
    average.sum / average.values.len() as f64
}

fn reduce(rate: &mut Number, least: Number, factor: f64, eps: f64) {
    let old = rate.to_f64();
    let reduced = old * factor;
    let new = if least.to_f64() > reduced { least } else { Number::Float(reduced) };
    if old - new.to_f64() > eps {
        *rate = new;
    }
}

fn is_better(current: f64, best: f64, mode: &str, threshold_mode: &str, threshold: f64) -> bool {
    match (mode, threshold_mode) {
        ("min", "rel") => current < best * (1.0 - threshold),
        ("min", _) => current < best - threshold,
        (_, "rel") => current > best * (1.0 + threshold),
        _ => current > best + threshold,
    }
}
