//! Other files of text. Of these models the parameters are not checked, because rtrain has no table of them.

use super::{Corruption, row};

const GPT2: &str = "5.23.0/gpt2";
const ROBERTA: &str = "4.57.6/roberta";
const GENERATION: &str = "generation_config.json";
const TEMPLATE: &str = "chat_template.jinja";
const MERGES: &str = "merges.txt";
const VOCABULARY: &str = "vocab.json";

pub const ROWS: &[Corruption] = &[
    row("generation-cut", GPT2, "generation_config.json is cut", ["json-syntax", GENERATION, "line 3, column 9"], |d| {
        d.cut(GENERATION, 40)
    }),
    row("generation-type", GPT2, "an id is a text", ["generation-config", GENERATION, "/bos_token_id"], |d| {
        d.replace(GENERATION, "\"bos_token_id\": ", "\"bos_token_id\": \"x\", \"x\": ");
    }),
    row("generation-blank", GPT2, "a blank more stands before a value", ["not-identical", GENERATION, "line 3, column 19"], |d| {
        d.replace(GENERATION, "\"bos_token_id\": ", "\"bos_token_id\":  ");
    }),
    row("template-not-utf8", GPT2, "chat_template.jinja is not UTF-8", ["chat-template", TEMPLATE, "bytes 96..97"], |d| {
        d.append(TEMPLATE, b"\xff")
    }),
    row("template-line-ends", GPT2, "a line of chat_template.jinja ends as on Windows", ["chat-template", TEMPLATE, "bytes 96..97"], |d| {
        d.append(TEMPLATE, b"\r\n")
    }),
    row("merges-cut", ROBERTA, "merges.txt is cut inside a line", ["merges", MERGES, "line 40, column 1"], |d| d.cut(MERGES, -2)),
    row("merges-bit", ROBERTA, "a bit of a blank in merges.txt is turned", ["merges", MERGES, "line 2, column 1"], |d| {
        d.flip_behind(MERGES, b"0.2\nt", 0, 0x40)
    }),
    row("merges-three", ROBERTA, "a merge has three parts", ["merges", MERGES, "line 2, column 1"], |d| {
        d.replace(MERGES, "\nt h\n", "\nt h e\n")
    }),
    row("merges-header", ROBERTA, "the first line of merges.txt is missing", ["merges", MERGES, "line 1, column 1"], |d| {
        d.replace(MERGES, "#version: 0.2\n", "")
    }),
    row("vocabulary-json-cut", ROBERTA, "vocab.json is cut", ["json-syntax", VOCABULARY, "line 1, column 101"], |d| d.cut(VOCABULARY, 100)),
    row(
        "vocabulary-json-twice",
        ROBERTA,
        "a token stands twice in vocab.json",
        ["json-duplicate-key", VOCABULARY, "line 1, column 20"],
        |d| {
            d.replace(VOCABULARY, "{", "{\"<pad>\":1,");
        },
    ),
    row("vocabulary-json-id", ROBERTA, "an id in vocab.json is a text", ["vocabulary", VOCABULARY, "/<pad>"], |d| {
        d.replace(VOCABULARY, ":1,", ":\"1\",")
    }),
];
