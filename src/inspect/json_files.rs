//! Files of text.

use super::{Contents, Detail, Table};
use crate::architecture;
use crate::diagnostic::Result;
use crate::format::config::Config;
use crate::format::json::Json;
use crate::format::shards::index::ShardIndex;
use crate::format::tokenizer::id_limit;
use crate::format::tokenizer::json::TokenizerJson;
use crate::storage::Content;
use std::collections::BTreeMap;

/// What of a config an overview shows.
const CONFIG_OVERVIEW: [&str; 9] = [
    "model_type",
    "architectures",
    "dtype",
    "transformers_version",
    "vocab_size",
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "max_position_embeddings",
];

pub(super) fn config(path: &str, content: &dyn Content, detail: Detail) -> Result<Contents> {
    let bytes = content.range(0..content.length())?;
    let config = Config::parse(path, &bytes)?;
    let mut facts: Vec<(String, Json)> = if detail == Detail::Overview {
        let fact = |key: &&str| Some(((*key).to_owned(), config.get(key)?.clone()));
        CONFIG_OVERVIEW.iter().filter_map(fact).collect()
    } else {
        Json::parse(path, &bytes)?.entries().unwrap_or(&[]).to_vec()
    };
    if detail == Detail::Overview && config.label_ids().is_some() {
        facts.push(("labels".to_owned(), Json::Array(config.labels().into_iter().map(Json::from).collect())));
    }
    if let Some(Ok(table)) = architecture::inventory(&config) {
        facts.push(("parameters".to_owned(), table.numel().into()));
    }
    Ok(Contents { facts, tables: Vec::new() })
}

pub(super) fn tokenizer(path: &str, content: &dyn Content, detail: Detail) -> Result<Contents> {
    let tokenizer = TokenizerJson::parse(path, &content.range(0..content.length())?)?;
    let setting = |key: &str| tokenizer.model.settings.iter().find(|(name, _)| name == key).map(|(_, value)| value);
    let kind = |part: &Json| part.get("type").cloned().unwrap_or(Json::Null);
    let [normalizer, pre_tokenizer, post_processor, decoder] = &tokenizer.pipeline;
    let mut facts = vec![
        ("model", setting("type").cloned().unwrap_or(Json::Null)),
        ("vocabulary", tokenizer.model.vocab.as_ref().map(Vec::len).into()),
        ("merges", setting("merges").and_then(Json::as_array).map(<[_]>::len).into()),
        ("ids below", id_limit(&tokenizer).into()),
        ("added tokens", tokenizer.added_tokens.len().into()),
        ("normalizer", kind(normalizer)),
        ("pre_tokenizer", kind(pre_tokenizer)),
        ("post_processor", kind(post_processor)),
        ("decoder", kind(decoder)),
        ("truncation", tokenizer.truncation.as_ref().map(|truncation| truncation.max_length).into()),
        ("padding", tokenizer.padding.as_ref().map(|padding| padding.pad_token.as_str()).into()),
    ];
    facts.retain(|(_, value)| *value != Json::Null);
    let mut tables = Vec::new();
    if detail > Detail::Overview {
        let row = |token: &crate::format::tokenizer::json::AddedToken| {
            vec![token.id.into(), token.content.as_str().into(), token.special.into(), token.normalized.into()]
        };
        let rows = tokenizer.added_tokens.iter().map(row).collect();
        tables.push(Table { name: "added tokens", columns: vec!["id", "content", "special", "normalized"], rows });
    }
    Ok(Contents { facts: facts.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(), tables })
}

pub(super) fn index(path: &str, content: &dyn Content, detail: Detail) -> Result<Contents> {
    let index = ShardIndex::parse(path, &content.range(0..content.length())?)?;
    let shards = index.shards();
    let facts = [
        ("total_parameters", index.total_parameters.into()),
        ("total_size", index.total_size_bytes.into()),
        ("shards", shards.len().into()),
        ("tensors", index.weight_map.len().into()),
    ];
    let facts = facts.into_iter().filter(|(_, value)| *value != Json::Null).map(|(key, value)| (key.to_owned(), value)).collect();
    let mut tables = Vec::new();
    if detail > Detail::Overview {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for (_, shard) in &index.weight_map {
            let count = counts.entry(shard).or_default();
            *count = count.saturating_add(1);
        }
        let rows = counts.into_iter().map(|(shard, count)| vec![shard.into(), count.into()]).collect();
        tables.push(Table { name: "shards", columns: vec!["file", "tensors"], rows });
    }
    Ok(Contents { facts, tables })
}

/// Any object: its keys, of which an overview shows those with a single value.
pub(super) fn any(path: &str, content: &dyn Content, detail: Detail) -> Result<Contents> {
    let facts = match Json::parse(path, &content.range(0..content.length())?)? {
        Json::Object(entries) => entries,
        other => vec![(other.kind().to_owned(), other)],
    };
    let is_single = |value: &Json| value.as_array().is_none() && value.entries().is_none();
    let facts = facts.into_iter().filter(|(_, value)| detail > Detail::Overview || is_single(value)).collect();
    Ok(Contents { facts, tables: Vec::new() })
}
