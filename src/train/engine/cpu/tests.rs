use super::super::Kind;
use super::super::golden::{batch, classes, classifier_json, engine};
use super::*;

#[test]
fn dropout_is_repeatable_and_its_gradient_is_that_of_its_loss() {
    let mut engine = engine(3, None);
    let Kind::Cpu(engine) = &mut engine.kind else { unreachable!("an engine on the CPU") };
    let inputs = &classifier_json()["single"];
    let batch = batch(inputs, classes(inputs));
    let backward = |engine: &CpuEngine, seed: u64| {
        let mut generator = Generators::new(seed);
        let mut gradients = vec![None; engine.network.table.parameters.len()];
        let loss = engine.backward(
            &batch,
            0.0,
            Draws { generator: Some(&mut generator), padded_length: None, neftune_noise_alpha: None },
            &mut gradients,
        );
        (loss, engine.completed(gradients))
    };
    let (loss, gradients) = backward(engine, 1);
    assert_eq!(backward(engine, 1).0, loss);
    assert_ne!(backward(engine, 2).0, loss);
    assert_ne!(f64::from(loss), engine.gradients(&batch, 0.0).0);

    // Against the loss at two points of a line along the gradient, with the same masks.
    let parameters = engine.network.table.parameters.iter();
    let gradients: Vec<Vec<f32>> = parameters
        .zip(&gradients)
        .map(|(parameter, gradient)| gradient.to_dense(parameter.numel(), parameter.shape[parameter.shape.len() - 1]))
        .collect();
    let squares = gradients.iter().flatten().map(|value| f64::from(*value).powi(2)).sum::<f64>();
    let step = 1e-3 / squares.sqrt();
    let mut shift = |factor: f64| {
        engine.parameters.update_on_host(|parameters| {
            for (parameter, gradient) in parameters.iter_mut().zip(&gradients) {
                parameter.iter_mut().zip(gradient).for_each(|(value, gradient)| *value += (factor * step) as f32 * gradient);
            }
        });
        f64::from(backward(engine, 1).0)
    };
    let (above, below) = (shift(1.0), shift(-2.0));
    let slope = (above - below) / (2.0 * step);
    assert!((slope / squares - 1.0).abs() < 0.02, "slope {slope}, expected {squares}");
}
