//! Configs, tensors and adapters.

use super::{after, assert_edits, replace};
use crate::format::dtype::Dtype;
use crate::format::safetensors::{Header, Tensor, TensorInfo, serialize};
use crate::storage::MemoryDirectory;

#[test]
fn configs_and_labels() {
    assert_edits(&[
        ("5.23.0/one_label", "config.json", "\"regression\"", "\"regresion\"", &["problem-type config.json, at /problem_type"]),
        (
            "4.57.6/one_label",
            "config.json",
            "\"regression\"",
            "\"single_label_classification\"",
            &["problem-type config.json, at /problem_type"],
        ),
        ("5.23.0/bfloat16", "config.json", "bfloat16", "float16", &["config-dtype config.json, at /dtype"]),
        ("4.57.6/float16", "config.json", "\"float16\"", "\"float32\"", &["config-dtype config.json, at /dtype"]),
        (
            "5.23.0/distilbert",
            "config.json",
            "\"hidden_dim\": 16",
            "\"hidden_dim\": 17",
            &[
                "tensor-shape model.safetensors, tensor distilbert.transformer.layer.0.ffn.lin1.weight",
                "tensor-shape model.safetensors, tensor distilbert.transformer.layer.0.ffn.lin1.bias",
                "tensor-shape model.safetensors, tensor distilbert.transformer.layer.0.ffn.lin2.weight",
            ],
        ),
        (
            "5.23.0/roberta",
            "config.json",
            "\"type_vocab_size\": 1",
            "\"type_vocab_size\": 2",
            &["tensor-shape model.safetensors, tensor roberta.embeddings.token_type_embeddings.weight"],
        ),
        (
            "5.23.0/gpt2",
            "config.json",
            "\"n_inner\": null",
            "\"n_inner\": 63",
            &[
                "tensor-shape model.safetensors, tensor transformer.h.0.mlp.c_fc.weight",
                "tensor-shape model.safetensors, tensor transformer.h.0.mlp.c_fc.bias",
                "tensor-shape model.safetensors, tensor transformer.h.0.mlp.c_proj.weight",
            ],
        ),
        (
            "5.23.0/masked_lm",
            "config.json",
            "\"tie_word_embeddings\": true",
            "\"tie_word_embeddings\": false",
            &[
                "tensor-missing model.safetensors, tensor cls.predictions.decoder.weight",
                "tensor-missing model.safetensors, tensor cls.predictions.decoder.bias",
            ],
        ),
        (
            "5.23.0/tied_shards",
            "model.safetensors.index.json",
            "\"total_parameters\": 4514",
            "\"total_parameters\": 6338",
            &["index-total model.safetensors.index.json, at /metadata/total_parameters"],
        ),
    ]);
}

/// The tensors of a file, changed.
fn change_tensors(directory: &mut MemoryDirectory, file: &str, change: impl FnOnce(&mut Vec<Tensor<'_>>)) {
    let bytes = directory.files[file].clone();
    let header = Header::parse(file, &bytes).unwrap();
    let tensor = |info: &TensorInfo| Tensor {
        name: info.name.clone(),
        dtype: info.dtype,
        shape: info.shape.clone(),
        data: header.data(info, &bytes).into(),
    };
    let mut tensors: Vec<Tensor<'_>> = header.tensors.iter().map(tensor).collect();
    change(&mut tensors);
    directory.files.insert(file.to_owned(), serialize(&tensors, &header.metadata));
}

#[test]
fn tensors_beside_the_table() {
    const FILE: &str = "model.safetensors";
    let tied = after("5.23.0/gpt2", |directory| {
        change_tensors(directory, FILE, |tensors| {
            let embedding = tensors.iter().find(|tensor| tensor.name == "transformer.wte.weight").unwrap();
            let copy =
                Tensor { name: "lm_head.weight".to_owned(), data: embedding.data.clone(), shape: embedding.shape.clone(), ..*embedding };
            tensors.push(copy);
        });
    });
    assert_eq!(tied, ["tensor-tied model.safetensors, tensor lm_head.weight"]);
    let renamed = after("5.23.0/question_answering", |directory| {
        change_tensors(directory, FILE, |tensors| {
            tensors.iter_mut().for_each(|tensor| tensor.name = tensor.name.replace("qa_outputs.b", "qa_output.b"))
        });
    });
    assert_eq!(
        renamed,
        ["tensor-missing model.safetensors, tensor qa_outputs.bias", "tensor-extra model.safetensors, tensor qa_output.bias"]
    );
    let half = after("5.23.0/token_classification", |directory| {
        change_tensors(directory, FILE, |tensors| {
            let bias = tensors.iter_mut().find(|tensor| tensor.name == "classifier.bias").unwrap();
            (bias.dtype, bias.data) = (Dtype::F16, vec![0; bias.data.len() / 2].into());
        });
    });
    assert_eq!(half, ["config-dtype model.safetensors, tensor classifier.bias"]);
}

#[test]
fn adapters() {
    const CONFIG: &str = "adapter_config.json";
    const QUERY: &str = "adapter_model.safetensors, tensor base_model.model.bert.encoder.layer.0.attention.self.query";
    let rank = after("5.23.0/adapter", |directory| replace(directory, CONFIG, "\"query\": 3", "\"query\": 4"));
    let rank_of = |matrix: &str| format!("adapter-rank {QUERY}.{matrix}.weight");
    assert_eq!(rank, [rank_of("lora_A"), rank_of("lora_B")]);
    let target = after("4.57.6/adapter", |directory| replace(directory, CONFIG, "\"value\"\n", "\"key\"\n"));
    assert_eq!(target.len(), 3, "{target:?}");
    assert!(target[2] == "adapter-target adapter_config.json, at /target_modules" && target[0].starts_with("adapter-target adapter_model"));
    let whole = after("5.23.0/adapter", |directory| replace(directory, CONFIG, "\"classifier\"", "\"pre_classifier\""));
    let tensor = |name: &str| format!("adapter-tensor adapter_model.safetensors, tensor base_model.model.classifier.{name}");
    assert_eq!(whole, [tensor("bias"), tensor("weight")]);
    let single = after("5.23.0/adapter", |directory| {
        change_tensors(directory, "adapter_model.safetensors", |tensors| tensors.retain(|tensor| !tensor.name.contains("query.lora_B")));
    });
    assert_eq!(single, [format!("adapter-tensor {QUERY}")]);
}
