//! What a run leaves besides its model.

use super::{CHECKPOINT, Corruption, row};

const RUN: &str = "5.23.0/run_epochs";
const STATE: &str = "trainer_state.json";
const RESULTS: &str = "all_results.json";
const PREDICTIONS: &str = "predict_results_reviews.txt";

pub const ROWS: &[Corruption] = &[
    row("state-cut", CHECKPOINT, "trainer_state.json is cut", ["json-syntax", STATE, "line 26, column 2"], |d| d.cut(STATE, 700)),
    row("state-empty", CHECKPOINT, "trainer_state.json is empty", ["json-syntax", STATE, "line 1, column 1"], |d| d.cut(STATE, 0)),
    row("state-key-missing", CHECKPOINT, "global_step is missing", ["trainer-state", STATE, "/global_step"], |d| {
        d.replace(STATE, "  \"global_step\": 3,\n", "")
    }),
    row("state-type", CHECKPOINT, "global_step is a text", ["trainer-state", STATE, "/global_step"], |d| {
        d.replace(STATE, "\"global_step\": 3", "\"global_step\": \"3\"")
    }),
    row("state-float", CHECKPOINT, "a loss has a digit more than its float", ["not-identical", STATE, "line 22, column 38"], |d| {
        d.replace(STATE, "1.0986781120300293", "1.09867811203002930");
    }),
    row("state-bit", CHECKPOINT, "a bit in a key is turned", ["trainer-state", STATE, "/max_steps"], |d| {
        d.flip_behind(STATE, b"\"max_st", 0, 1)
    }),
    row("state-comma", CHECKPOINT, "a bit of a comma is turned", ["json-syntax", STATE, "line 30, column 16"], |d| {
        d.flip_behind(STATE, b"\"max_steps\": 9", 0, 2)
    }),
    row("results-order", RUN, "two keys of all_results.json have changed places", ["not-identical", RESULTS, "line 2, column 7"], |d| {
        d.replace(
            RESULTS,
            "    \"epoch\": 3.0,\n    \"eval_accuracy\": 0.3333333333333333,\n",
            "    \"eval_accuracy\": 0.3333333333333333,\n    \"epoch\": 3.0,\n",
        );
    }),
    row("results-list", RUN, "all_results.json holds a list", ["results", RESULTS, "the top level"], |d| {
        d.edit(RESULTS, |bytes| *bytes = b"[]".to_vec())
    }),
    row("predictions-cut", RUN, "the predictions are cut inside a line", ["not-identical", PREDICTIONS, "line 2, column 5"], |d| {
        d.cut(PREDICTIONS, 22)
    }),
    row("predictions-bit", RUN, "a bit in the number of a row is turned", ["predictions", PREDICTIONS, "line 2, column 1"], |d| {
        d.flip_behind(PREDICTIONS, b"prediction\n", 0, 1)
    }),
];
