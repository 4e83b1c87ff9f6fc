//! Files that are missing, and files that belong elsewhere.

use super::{after, golden};

/// Files that are there and should not be, and the other way round.
#[test]
fn completeness() {
    let removed: [(&str, &str, &[&str]); 14] = [
        ("5.23.0/two_labels", "tokenizer_config.json", &["file-missing tokenizer_config.json"]),
        ("4.57.6/two_labels", "special_tokens_map.json", &["file-missing special_tokens_map.json"]),
        ("4.57.6/two_labels", "vocab.txt", &["file-missing vocab.txt"]),
        ("4.57.6/roberta", "merges.txt", &["file-missing merges.txt"]),
        ("4.57.6/added_tokens", "added_tokens.json", &["file-missing added_tokens.json"]),
        ("5.23.0/gpt2", "generation_config.json", &["file-missing generation_config.json"]),
        ("5.23.0/run_epochs/checkpoint-3", "optimizer.pt", &["file-missing optimizer.pt"]),
        ("5.23.0/run_epochs/checkpoint-3", "scheduler.pt", &["file-missing scheduler.pt"]),
        ("5.23.0/run_epochs/checkpoint-3", "rng_state.pth", &["file-missing rng_state.pth"]),
        ("5.23.0/run_epochs/checkpoint-3", "trainer_state.json", &["file-missing trainer_state.json"]),
        ("5.23.0/run_epochs/checkpoint-3", "training_args.bin", &["file-missing training_args.bin"]),
        ("5.23.0/run_two_processes/checkpoint-2", "rng_state_1.pth", &["file-missing rng_state_1.pth"]),
        ("5.23.0/run_epochs/checkpoint-3", "config.json", &["file-missing config.json"]),
        ("5.23.0/run_adapter/checkpoint-2", "adapter_config.json", &["file-missing adapter_config.json"]),
    ];
    for (path, file, expected) in removed {
        assert_eq!(after(path, |directory| drop(directory.files.remove(file).unwrap())), expected, "{path} without {file}");
    }
    let moved: [(&str, &str, &str, &[&str]); 9] = [
        ("5.23.0/two_labels", "4.57.6/two_labels", "vocab.txt", &["file-unexpected vocab.txt", "tokenizer-side-file vocab.txt:114:1"]),
        ("5.23.0/two_labels", "4.57.6/two_labels", "special_tokens_map.json", &["file-unexpected special_tokens_map.json"]),
        ("4.57.6/two_labels", "4.57.6/bin_one_file", "pytorch_model.bin", &["file-unexpected pytorch_model.bin"]),
        ("5.23.0/two_labels", "5.23.0/gpt2", "generation_config.json", &["file-unexpected generation_config.json"]),
        ("5.23.0/run_epochs/checkpoint-3", "5.23.0/run_epochs", "all_results.json", &["file-unexpected all_results.json"]),
        ("5.23.0/run_weights_only/checkpoint-1", "5.23.0/run_epochs/checkpoint-3", "rng_state.pth", &["file-unexpected rng_state.pth"]),
        ("5.23.0/run_epochs", "5.23.0/run_epochs/checkpoint-3", "rng_state.pth", &["file-unexpected rng_state.pth"]),
        ("5.23.0/two_labels", "5.23.0/run_epochs/checkpoint-3", "training_args.bin", &[]),
        ("5.23.0/two_labels", "5.23.0/run_epochs", "README.md", &[]),
    ];
    for (path, from, file, expected) in moved {
        let bytes = golden(from).files.remove(file).unwrap();
        assert_eq!(after(path, |directory| drop(directory.files.insert(file.to_owned(), bytes))), expected, "{path} with {file}");
    }
    for name in [".gitattributes", "notes.md", "run.log", "events.out.tfevents.1"] {
        assert_eq!(after("5.23.0/two_labels", |directory| drop(directory.files.insert(name.to_owned(), vec![0]))), [""; 0], "{name}");
    }
}
