//! Every kernel compiles, and a small model trains. The parity of results with the CPU is checked by `train::self_check`.

use std::rc::Rc;

use pollster::block_on;

use super::*;
use crate::architecture::BertConfig;
use crate::format::config::Config;

fn config(hidden: usize, inner: usize, heads: usize, layers: usize) -> BertConfig {
    let text = format!(
        r#"{{"model_type": "bert", "vocab_size": 30, "hidden_size": {hidden}, "intermediate_size": {inner}, "num_attention_heads": {heads},
        "num_hidden_layers": {layers}, "max_position_embeddings": 16, "type_vocab_size": 2, "hidden_act": "gelu", "layer_norm_eps": 1e-12,
        "initializer_range": 0.02, "hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1, "pad_token_id": 0}}"#
    );
    BertConfig::from_config(&Config::parse("config.json", text.as_bytes()).unwrap()).unwrap()
}

#[test]
#[ignore = "needs a GPU, or SwiftShader as tests/run finds it"]
fn a_model_learns_a_batch_by_heart() {
    let gpu = Rc::new(block_on(Gpu::open(Api::WebGpu)).unwrap());
    let shapes = [(16, 32, 2, 2), (15, 21, 3, 1), (8, 8, 1, 0)];
    for (style, (hidden, inner, heads, layers)) in Style::ALL.into_iter().flat_map(|style| shapes.map(|shape| (style, shape))) {
        gpu.set_style(style);
        let config = config(hidden, inner, heads, layers);
        let table = config.sequence_classification();
        let mut state = 1_u32;
        let mut random = move || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 24) as f32 - 0.5
        };
        let weights: Vec<Vec<f32>> = table
            .parameters
            .iter()
            .map(|parameter| match parameter.name.ends_with("LayerNorm.weight") {
                true => vec![1.0; parameter.numel()],
                false => (0..parameter.numel()).map(|_| 0.4 * random()).collect(),
            })
            .collect();
        let mut model = block_on(Model::new(Rc::clone(&gpu), &config, &table, &weights)).unwrap();
        let (words, types, positions) = ([3, 5, 7, 2, 9, 4, 1], [0, 0, 1, 0, 1, 0, 0], [0, 1, 2, 0, 1, 2, 3]);
        let packed = Packed { ids: [&words, &types, &positions], offsets: &[0, 3, 7] };
        let targets = Targets::Probabilities(vec![1.0, 0.0, 0.0, 1.0]);
        let mut losses = Vec::new();
        for step in 1..=30 {
            let pass = super::model::Pass { packed, targets: &targets, masks: &Masks::default(), noise: None, recompute: step % 2 == 0 };
            model.accumulate(&pass);
            model.apply(AdamW::new(1e-2, 0.0, step, [0.9, 0.999], 1e-8), 1.0);
            let (norm, loss) = block_on(model.results()).unwrap();
            assert!(norm.is_finite() && norm > 0.0, "{norm}");
            losses.extend(loss);
        }
        println!("{losses:?}");
        assert!(losses[29] < 0.1 * losses[0], "{losses:?}");
    }
}
