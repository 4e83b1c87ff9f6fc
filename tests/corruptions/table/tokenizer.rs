//! The files of a tokenizer.

use super::{By, Corruption, MODEL, OLDER, row};

const FILE: &str = "tokenizer.json";
const SETTINGS: &str = "tokenizer_config.json";
const VOCABULARY: &str = "vocab.txt";
const ADDED: &str = "4.57.6/added_tokens";

pub const ROWS: &[Corruption] = &[
    row("tokenizer-missing", MODEL, "tokenizer.json is missing", ["tokenizer-missing", "", ""], |d| d.remove(FILE)),
    row("tokenizer-empty", MODEL, "tokenizer.json is empty", ["json-syntax", FILE, "line 1, column 1"], |d| d.cut(FILE, 0)),
    row("tokenizer-cut", MODEL, "tokenizer.json is cut", ["json-syntax", FILE, "line 169, column 9"], |d| d.cut(FILE, 3000)),
    row("tokenizer-bit", MODEL, "a bit in the name of a part is turned", ["tokenizer-json", FILE, "/decoder/type"], |d| {
        d.flip_behind(FILE, b"\"type\": \"WordPi", 0, 1)
    }),
    row("token-bit", MODEL, "a bit of a token is turned", ["reference-value", FILE, "/model/vocab/fill"], |d| {
        d.flip_behind(FILE, b"\"fil", 0, 1)
    })
    .by(By::Reference),
    row("token-ids-equal", MODEL, "two tokens have one id", ["tokenizer-vocabulary", FILE, "/model/vocab"], |d| {
        d.replace(FILE, "\"film\": 15", "\"film\": 14")
    }),
    row("token-twice", MODEL, "a token stands twice in the vocabulary", ["json-duplicate-key", FILE, "line 164, column 7"], |d| {
        d.replace(FILE, "\"films\": 16", "\"film\": 16")
    }),
    row("token-id-huge", MODEL, "a token's id is 4,000,000,000", ["tokenizer-vocabulary", FILE, ""], |d| {
        d.replace(FILE, "\"film\": 15", "\"film\": 4000000000")
    }),
    row("token-id-negative", MODEL, "a token's id is negative", ["tokenizer-json", FILE, "/model"], |d| {
        d.replace(FILE, "\"film\": 15", "\"film\": -15")
    }),
    row("vocabulary-longer", MODEL, "the vocabulary has a token more than the embedding", ["tokenizer-vocabulary", FILE, ""], |d| {
        d.replace(FILE, "\"film\": 15", "\"film\": 15,\n      \"filmed\": 114");
    }),
    row(
        "tokenizer-of-another-model",
        MODEL,
        "tokenizer.json is that of a model with more tokens",
        ["tokenizer-vocabulary", FILE, ""],
        |d| {
            d.take("5.23.0/added_tokens", FILE);
        },
    ),
    row("added-token-id-twice", MODEL, "two added tokens have the same id", ["tokenizer-json", FILE, "/added_tokens"], |d| {
        d.replace(FILE, "\"id\": 3,\n      \"content\": \"[SEP]\"", "\"id\": 4,\n      \"content\": \"[SEP]\"");
    }),
    row("tokenizer-unknown-part", MODEL, "the normalizer is one that does not exist", ["tokenizer-json", FILE, "/normalizer/type"], |d| {
        d.replace(FILE, "BertNormalizer", "EvilNormalizer");
    }),
    row("tokenizer-key-order", MODEL, "two keys have changed places", ["not-identical", FILE, "line 3, column 4"], |d| {
        d.replace(FILE, "  \"truncation\": null,\n  \"padding\": null", "  \"padding\": null,\n  \"truncation\": null");
    }),
    row("tokenizer-depth-bomb", MODEL, "10,000 normalizers lie inside each other", ["json-syntax", FILE, "line 52, column 2385"], |d| {
        let (open, close) = ("{\"type\": \"Sequence\", \"normalizers\": [", "]}");
        d.replace(FILE, "\"normalizer\": {", &["\"normalizer\": ", &open.repeat(10_000), &close.repeat(10_000), ", \"x\": {"].concat());
    }),
    row("settings-cut", MODEL, "tokenizer_config.json is cut", ["json-syntax", SETTINGS, "line 6, column 3"], |d| d.cut(SETTINGS, 100)),
    row("settings-type", MODEL, "model_max_length is a text", ["tokenizer-config", SETTINGS, "/model_max_length"], |d| {
        d.replace(SETTINGS, "\"model_max_length\": 32", "\"model_max_length\": \"32\"");
    }),
    row("settings-key-order", MODEL, "two keys have changed places", ["not-identical", SETTINGS, "line 10, column 5"], |d| {
        d.replace(
            SETTINGS,
            "  \"sep_token\": \"[SEP]\",\n  \"strip_accents\": null,\n",
            "  \"strip_accents\": null,\n  \"sep_token\": \"[SEP]\",\n",
        );
    }),
    row(
        "vocabulary-line-ends",
        OLDER,
        "the lines of vocab.txt end as on Windows",
        ["not-identical", VOCABULARY, "line 1, column 6"],
        |d| {
            d.edit(VOCABULARY, |bytes| *bytes = String::from_utf8(bytes.clone()).unwrap().replace('\n', "\r\n").into_bytes());
        },
    ),
    row("vocabulary-not-utf8", OLDER, "vocab.txt is saved as Latin-1", ["vocab-utf8", VOCABULARY, "bytes 64..65"], |d| {
        d.edit(VOCABULARY, |bytes| crate::directory::replace(bytes, "é".as_bytes(), b"\xe9"));
    }),
    row("vocabulary-cut", OLDER, "vocab.txt is cut inside its last line", ["not-identical", VOCABULARY, "line 114, column 2"], |d| {
        d.cut(VOCABULARY, -1)
    }),
    row(
        "special-tokens-cut",
        OLDER,
        "special_tokens_map.json is cut",
        ["json-syntax", "special_tokens_map.json", "line 3, column 25"],
        |d| d.cut("special_tokens_map.json", 50),
    ),
    row(
        "special-tokens-number",
        OLDER,
        "a special token is a number",
        ["special-tokens-map", "special_tokens_map.json", "/cls_token"],
        |d| {
            d.replace("special_tokens_map.json", "\"[CLS]\"", "2");
        },
    ),
    row("added-tokens-text", ADDED, "an id of an added token is a text", ["added-tokens", "added_tokens.json", "/<cls>"], |d| {
        d.replace("added_tokens.json", "118", "\"118\"");
    }),
    row(
        "added-tokens-order",
        ADDED,
        "two added tokens have changed places",
        ["not-identical", "added_tokens.json", "line 2, column 5"],
        |d| {
            d.replace("added_tokens.json", "  \"<cls>\": 118,\n  \"<turn>\": 117,\n", "  \"<turn>\": 117,\n  \"<cls>\": 118,\n");
        },
    ),
];
