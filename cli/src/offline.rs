//! Whether transformers would be without a network, which it records in a tokenizer's files.

/// Whether `HF_HUB_OFFLINE` or `TRANSFORMERS_OFFLINE` is set, as huggingface_hub reads them.
pub fn offline() -> bool {
    let is_set = |name| std::env::var(name).is_ok_and(|value| matches!(value.to_uppercase().as_str(), "1" | "ON" | "YES" | "TRUE"));
    is_set("HF_HUB_OFFLINE") || is_set("TRANSFORMERS_OFFLINE")
}
