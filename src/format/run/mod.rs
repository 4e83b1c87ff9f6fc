//! What a training run leaves beside its models: the state of the trainer, metrics and predictions.

pub mod predictions;
pub mod results;
pub mod trainer_state;
