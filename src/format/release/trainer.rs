//! What the `Trainer` of one release does otherwise than that of another.
//!
//! # Source
//! transformers 4.57.6 and 5.23.0: `trainer.py`, `training_args.py`, `trainer_callback.py`, `optimization.py`.

/// The `Trainer` of a release.
#[derive(Debug, PartialEq, Eq)]
pub struct Trainer {
    /// Whether it writes its own `use_cache`, which is false, into the config.
    pub sets_use_cache: bool,
    /// Decimals that it rounds the losses to that it logs; none where it logs them as they are.
    pub logged_loss_decimals: Option<u8>,
    /// Whether it evaluates after the last step too where `eval_strategy` is `steps`.
    pub evaluates_last_step: bool,
    /// Whether it logs the norm of the gradients even where `max_grad_norm` is 0.
    pub logs_norm_without_clipping: bool,
    /// Whether `sgd`, `adagrad` and `rmsprop` take settings from `optim_args`.
    pub torch_optimizers_take_arguments: bool,
    /// Whether it has the schedule `greedy`.
    pub has_greedy_schedule: bool,
    /// Whether the schedule `inverse_sqrt` takes `lr_scheduler_kwargs`.
    pub inverse_sqrt_takes_settings: bool,
    /// Whether `warmup_steps` is a whole number, and a share of all steps has the argument `warmup_ratio`.
    pub has_warmup_ratio: bool,
    /// Whether the order of rows is chosen by `train_sampling_strategy`, rather than by the switch `group_by_length`, which groups the rows of
    /// an evaluation as well.
    pub has_sampling_strategies: bool,
}

pub(super) const TRAINER_4: Trainer = Trainer {
    sets_use_cache: false,
    logged_loss_decimals: Some(4),
    evaluates_last_step: false,
    logs_norm_without_clipping: false,
    torch_optimizers_take_arguments: false,
    has_greedy_schedule: false,
    inverse_sqrt_takes_settings: false,
    has_warmup_ratio: true,
    has_sampling_strategies: false,
};

pub(super) const TRAINER_5: Trainer = Trainer {
    sets_use_cache: true,
    logged_loss_decimals: None,
    evaluates_last_step: true,
    logs_norm_without_clipping: true,
    torch_optimizers_take_arguments: true,
    has_greedy_schedule: true,
    inverse_sqrt_takes_settings: true,
    has_warmup_ratio: false,
    has_sampling_strategies: true,
};
