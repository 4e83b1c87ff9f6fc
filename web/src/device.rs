//! What a model is computed on.

use rtrain::diagnostic::Result;
use rtrain::train::engine::Engine;
use rtrain::train::preparation::LoadedModel;

/// The engine of a model, with its weights.
///
/// # Errors
/// None: on the processor every model runs.
pub async fn engine(model: &LoadedModel, weights: Vec<Vec<f32>>) -> Result<Engine> {
    Ok(Engine::new(model.bert.clone(), model.table.clone(), weights))
}
