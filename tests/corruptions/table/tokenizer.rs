//! The files of a tokenizer.

use super::{By, Corruption, MODEL, OLDER, row};

const FILE: &str = "tokenizer.json";
const SETTINGS: &str = "tokenizer_config.json";
const VOCABULARY: &str = "vocab.txt";
const ADDED: &str = "4.57.6/added_tokens";

pub const ROWS: &[Corruption] = &[
    row("tokenizer-missing", MODEL, "tokenizer.json is missing", ["?", "", "?"], |d| d.remove(FILE)),
    row("tokenizer-empty", MODEL, "tokenizer.json is empty", ["?", FILE, "?"], |d| d.cut(FILE, 0)),
    row("tokenizer-cut", MODEL, "tokenizer.json is cut", ["?", FILE, "?"], |d| d.cut(FILE, 3000)),
    row("tokenizer-bit", MODEL, "a bit in the name of a part is turned", ["?", FILE, "?"], |d| {
        d.flip_behind(FILE, b"\"type\": \"WordPi", 0, 1)
    }),
    row("token-bit", MODEL, "a bit of a token is turned", ["?", FILE, "?"], |d| d.flip_behind(FILE, b"\"fil", 0, 1)).by(By::Reference),
    row("token-ids-equal", MODEL, "two tokens have one id", ["?", FILE, "?"], |d| d.replace(FILE, "\"film\": 15", "\"film\": 14")),
    row("token-twice", MODEL, "a token stands twice in the vocabulary", ["?", FILE, "?"], |d| {
        d.replace(FILE, "\"films\": 16", "\"film\": 16")
    }),
    row("token-id-huge", MODEL, "a token's id is 4,000,000,000", ["?", FILE, "?"], |d| {
        d.replace(FILE, "\"film\": 15", "\"film\": 4000000000")
    }),
    row("token-id-negative", MODEL, "a token's id is negative", ["?", FILE, "?"], |d| d.replace(FILE, "\"film\": 15", "\"film\": -15")),
    row("vocabulary-longer", MODEL, "the vocabulary has a token more than the embedding", ["?", FILE, "?"], |d| {
        d.replace(FILE, "\"film\": 15", "\"film\": 15,\n      \"filmed\": 114");
    }),
    row("tokenizer-of-another-model", MODEL, "tokenizer.json is that of a model with more tokens", ["?", FILE, "?"], |d| {
        d.take("5.23.0/added_tokens", FILE);
    }),
    row("added-token-two-ids", MODEL, "an added token has another id in the vocabulary", ["?", FILE, "?"], |d| {
        d.replace(FILE, "\"id\": 3,\n      \"content\": \"[SEP]\"", "\"id\": 4,\n      \"content\": \"[SEP]\"");
    }),
    row("tokenizer-unknown-part", MODEL, "the normalizer is one that does not exist", ["?", FILE, "?"], |d| {
        d.replace(FILE, "BertNormalizer", "EvilNormalizer");
    }),
    row("tokenizer-key-order", MODEL, "two keys have changed places", ["?", FILE, "?"], |d| {
        d.replace(FILE, "  \"truncation\": null,\n  \"padding\": null", "  \"padding\": null,\n  \"truncation\": null");
    }),
    row("tokenizer-depth-bomb", MODEL, "10,000 normalizers lie inside each other", ["?", FILE, "?"], |d| {
        let (open, close) = ("{\"type\": \"Sequence\", \"normalizers\": [", "]}");
        d.replace(FILE, "\"normalizer\": {", &["\"normalizer\": ", &open.repeat(10_000), &close.repeat(10_000), ", \"x\": {"].concat());
    }),
    row("settings-cut", MODEL, "tokenizer_config.json is cut", ["?", SETTINGS, "?"], |d| d.cut(SETTINGS, 100)),
    row("settings-type", MODEL, "model_max_length is a text", ["?", SETTINGS, "?"], |d| {
        d.replace(SETTINGS, "\"model_max_length\": 32", "\"model_max_length\": \"32\"");
    }),
    row("settings-key-order", MODEL, "two keys have changed places", ["?", SETTINGS, "?"], |d| {
        d.replace(
            SETTINGS,
            "  \"sep_token\": \"[SEP]\",\n  \"strip_accents\": null,\n",
            "  \"strip_accents\": null,\n  \"sep_token\": \"[SEP]\",\n",
        );
    }),
    row("vocabulary-line-ends", OLDER, "the lines of vocab.txt end as on Windows", ["?", VOCABULARY, "?"], |d| {
        d.edit(VOCABULARY, |bytes| *bytes = String::from_utf8(bytes.clone()).unwrap().replace('\n', "\r\n").into_bytes());
    }),
    row("vocabulary-not-utf8", OLDER, "vocab.txt is saved as Latin-1", ["?", VOCABULARY, "?"], |d| {
        d.edit(VOCABULARY, |bytes| crate::directory::replace(bytes, "é".as_bytes(), b"\xe9"));
    }),
    row("vocabulary-cut", OLDER, "vocab.txt is cut inside its last line", ["?", VOCABULARY, "?"], |d| d.cut(VOCABULARY, -1)),
    row("special-tokens-cut", OLDER, "special_tokens_map.json is cut", ["?", "special_tokens_map.json", "?"], |d| {
        d.cut("special_tokens_map.json", 50)
    }),
    row("special-tokens-number", OLDER, "a special token is a number", ["?", "special_tokens_map.json", "?"], |d| {
        d.replace("special_tokens_map.json", "\"[CLS]\"", "2");
    }),
    row("added-tokens-text", ADDED, "an id of an added token is a text", ["?", "added_tokens.json", "?"], |d| {
        d.replace("added_tokens.json", "118", "\"118\"");
    }),
    row("added-tokens-order", ADDED, "two added tokens have changed places", ["?", "added_tokens.json", "?"], |d| {
        d.replace("added_tokens.json", "  \"<cls>\": 118,\n  \"<turn>\": 117,\n", "  \"<turn>\": 117,\n  \"<cls>\": 118,\n");
    }),
];
