//! What only a check of several files can find. Where there is one, code and place are filled in and [`By::Pending`] is taken off.

use super::{By, CHECKPOINT, Corruption, LATER, MODEL, OLDER, row};

pub const ROWS: &[Corruption] = &[
    row(
        "state-of-another-step",
        CHECKPOINT,
        "trainer_state.json is that of step 9",
        ["run-checkpoint", "trainer_state.json", "/global_step"],
        |d| {
            d.take(LATER, "trainer_state.json");
        },
    ),
    row(
        "scheduler-of-another-step",
        CHECKPOINT,
        "scheduler.pt is that of step 9",
        ["scheduler-step", "scheduler.pt", "/last_epoch"],
        |d| d.take(LATER, "scheduler.pt"),
    ),
    row(
        "optimizer-of-another-step",
        CHECKPOINT,
        "optimizer.pt is that of step 9",
        ["optimizer-step", "optimizer.pt", "/state/0/step"],
        |d| d.take(LATER, "optimizer.pt"),
    ),
    row(
        "optimizer-of-another-model",
        CHECKPOINT,
        "optimizer.pt is that of a model of other labels",
        ["optimizer-parameters", "optimizer.pt", "/state/10/exp_avg"],
        |d| {
            d.take("5.23.0/run_best/checkpoint-2", "optimizer.pt");
        },
    ),
    row(
        "optimizer-parameters-swapped",
        CHECKPOINT,
        "two parameters of different groups have changed places",
        ["optimizer-parameters", "optimizer.pt", "/param_groups/1/params/0"],
        |d| {
            d.pickle("optimizer.pt", |bytes| {
                let at = crate::directory::find(bytes, b"K\x0bK\x0cK\x0dK\x0e");
                bytes.swap(at + 1, at + 3);
            });
        },
    ),
    row(
        "optimizer-parameter-missing",
        CHECKPOINT,
        "a parameter is in no group",
        ["optimizer-parameters", "optimizer.pt", "/param_groups/1/params/3"],
        |d| {
            d.pickle_replace("optimizer.pt", b"K\x0bK\x0cK\x0dK\x0e", b"K\x0bK\x0cK\x0d");
        },
    ),
    row("special-id-wrong", MODEL, "the id of [CLS] in the template is another token's", ["", "tokenizer.json", ""], |d| {
        d.replace("tokenizer.json", "\"ids\": [\n          2\n", "\"ids\": [\n          7\n");
    })
    .by(By::Pending),
    row("pad-id-wrong", MODEL, "pad_token_id is not that of [PAD]", ["special-token", "config.json", "/pad_token_id"], |d| {
        d.replace("config.json", "\"pad_token_id\": 0", "\"pad_token_id\": 5");
    }),
    row(
        "special-token-unknown",
        MODEL,
        "the unknown token is none of the vocabulary",
        ["special-token", "tokenizer_config.json", "/unk_token"],
        |d| {
            d.replace("tokenizer_config.json", "\"unk_token\": \"[UNK]\"", "\"unk_token\": \"[UNC]\"");
        },
    ),
    row(
        "max-length-beyond-positions",
        MODEL,
        "the tokenizer lets through more tokens than there are positions",
        ["tokenizer-length", "tokenizer_config.json", "/model_max_length"],
        |d| {
            d.replace("tokenizer_config.json", "\"model_max_length\": 32", "\"model_max_length\": 512");
        },
    ),
    row("settings-missing", MODEL, "tokenizer_config.json is missing", ["file-missing", "tokenizer_config.json", ""], |d| {
        d.remove("tokenizer_config.json")
    }),
    row(
        "settings-of-another-release",
        MODEL,
        "tokenizer_config.json is that of the older release",
        ["", "tokenizer_config.json", ""],
        |d| {
            d.take(OLDER, "tokenizer_config.json");
        },
    )
    .by(By::Pending),
    row(
        "file-of-another-release",
        MODEL,
        "vocab.txt lies there, which the newer release does not write",
        ["file-unexpected", "vocab.txt", ""],
        |d| {
            d.take(OLDER, "vocab.txt");
        },
    ),
    row(
        "vocabularies-differ",
        OLDER,
        "vocab.txt lacks a token of tokenizer.json",
        ["tokenizer-side-file", "vocab.txt", "line 16, column 1"],
        |d| {
            d.replace("vocab.txt", "\nfilm\n", "\nfilm_\n");
        },
    ),
    row("scheduler-missing", CHECKPOINT, "scheduler.pt is missing", ["file-missing", "scheduler.pt", ""], |d| d.remove("scheduler.pt")),
    row("rng-missing", CHECKPOINT, "rng_state.pth is missing", ["file-missing", "rng_state.pth", ""], |d| d.remove("rng_state.pth")),
    row("arguments-missing", CHECKPOINT, "training_args.bin is missing", ["file-missing", "training_args.bin", ""], |d| {
        d.remove("training_args.bin")
    }),
    row("state-missing", CHECKPOINT, "trainer_state.json is missing", ["file-missing", "trainer_state.json", ""], |d| {
        d.remove("trainer_state.json")
    }),
    row(
        "state-steps",
        CHECKPOINT,
        "the log ends at a later step than the run",
        ["run-steps", "trainer_state.json", "/log_history/1/step"],
        |d| {
            d.replace("trainer_state.json", "\"step\": 3\n", "\"step\": 8\n");
        },
    ),
    row(
        "state-best-checkpoint",
        CHECKPOINT,
        "the best checkpoint is one of a later step",
        ["run-best", "trainer_state.json", "/best_model_checkpoint"],
        |d| {
            d.replace("trainer_state.json", "run_epochs/checkpoint-3", "run_epochs/checkpoint-8");
        },
    ),
    row(
        "merges-differ",
        "4.57.6/roberta",
        "merges.txt lacks the last merge of tokenizer.json",
        ["tokenizer-side-file", "merges.txt", "line 40, column 1"],
        |d| d.cut("merges.txt", -4),
    ),
];
