"""Arguments of the runs, by name: what HF's own tests of strategies, checkpoints and callbacks try, and their borders.

37 rows in batches of 4 are 10 batches an epoch, the last of one row. On `validation.csv` the model gets better from evaluation to
evaluation, on `contrary.csv`, whose labels are wrong, worse, and with a high learning rate first better and then worse.
"""

COMMON = (
    "--model_name_or_path=model --train_file=train.csv --output_dir=out --max_seq_length=32 --pad_to_max_length=false --seed=7 "
    "--per_device_train_batch_size=4 --per_device_eval_batch_size=4 --num_train_epochs=2 --learning_rate=2e-3 --threads=1"
)
PLAIN = "--config_overrides=hidden_dropout_prob=0.0,attention_probs_dropout_prob=0.0"

BETTER = "--validation_file=validation.csv"
WORSE = "--validation_file=contrary.csv"
TURNING = "--validation_file=contrary.csv --learning_rate=8e-3"
STEPS = "--logging_steps=5 --eval_strategy=steps --eval_steps=5 --save_strategy=steps --save_steps=5"
EPOCHS = "--logging_strategy=epoch --eval_strategy=epoch --save_strategy=epoch"
EVAL = "--logging_steps=5 --eval_strategy=steps --eval_steps=5 --save_strategy=no"
SAVE = "--logging_strategy=no --save_strategy=steps --save_steps=4"
BEST = "--logging_steps=5 --eval_strategy=steps --eval_steps=4 --save_strategy=best"
LOAD = "--load_best_model_at_end=true"

CASES = {
    # When to log, to evaluate, to save.
    "by_steps": f"{PLAIN} {BETTER} {STEPS}",
    "by_steps_with_dropout": f"{BETTER} {STEPS}",
    "by_epochs": f"{PLAIN} {BETTER} {EPOCHS}",
    "by_epochs_with_dropout": f"{BETTER} {EPOCHS}",
    "not_at_all": f"{PLAIN} {BETTER} --logging_strategy=no --eval_strategy=no --save_strategy=no",
    "without_evaluation_rows": f"{PLAIN} --logging_steps=5 --save_strategy=epoch",
    "log_by_epochs_evaluate_by_steps": f"{PLAIN} {BETTER} --logging_strategy=epoch --eval_strategy=steps --eval_steps=4 --save_strategy=epoch",
    "log_by_steps_evaluate_by_epochs": f"{PLAIN} {BETTER} --logging_steps=3 --eval_strategy=epoch --save_strategy=steps --save_steps=7",
    "evaluate_as_often_as_log": f"{PLAIN} {BETTER} --logging_steps=6 --eval_strategy=steps --save_strategy=no",
    "shares_of_the_run": f"{PLAIN} {BETTER} --logging_steps=0.1 --eval_strategy=steps --eval_steps=0.25 --save_strategy=steps --save_steps=0.3",
    "shares_of_17_steps": f"{PLAIN} {BETTER} --max_steps=17 --logging_steps=0.1 --eval_strategy=steps --eval_steps=0.2 --save_strategy=steps --save_steps=0.5",
    "first_step": f"{PLAIN} {BETTER} {EVAL} --logging_first_step=true",
    "first_step_by_epochs": f"{PLAIN} {BETTER} {EPOCHS} --logging_first_step=true",
    "first_step_without_log": f"{PLAIN} --logging_strategy=no --logging_first_step=true --save_strategy=no",
    "evaluate_on_start": f"{PLAIN} {BETTER} {EVAL} --eval_on_start=true",
    "evaluate_on_start_by_epochs_with_dropout": f"{BETTER} {EPOCHS} --eval_on_start=true",
    "evaluate_after_8_steps": f"{PLAIN} {BETTER} {EVAL} --eval_delay=8",
    "evaluate_after_10_steps": f"{PLAIN} {BETTER} {EVAL} --eval_delay=10",
    "evaluate_after_epoch_1": f"{PLAIN} {BETTER} {EPOCHS} --eval_delay=1",
    "evaluate_after_epoch_1_5": f"{PLAIN} {BETTER} {EPOCHS} --eval_delay=1.5",
    "evaluate_by_3_save_by_2": f"{PLAIN} {WORSE} --max_steps=8 --logging_steps=4 --eval_strategy=steps --eval_steps=3 --save_strategy=steps --save_steps=2 --metric_for_best_model=loss",
    "evaluate_by_epochs_save_every_step": f"{PLAIN} {WORSE} --num_train_epochs=1 --logging_steps=5 --eval_strategy=epoch --save_strategy=steps --save_steps=1 --save_only_model=true --metric_for_best_model=loss",
    # How long.
    "7_steps": f"{PLAIN} {BETTER} {STEPS} --max_steps=7",
    "13_steps": f"{PLAIN} {BETTER} {EPOCHS} --max_steps=13",
    "two_and_a_half_epochs": f"{PLAIN} {BETTER} {EPOCHS} --num_train_epochs=2.5",
    "two_and_a_half_epochs_by_steps": f"{BETTER} {STEPS} --num_train_epochs=2.5 --save_only_model=true",
    "drop_last": f"{PLAIN} {BETTER} {STEPS} --dataloader_drop_last=true",
    "drop_last_by_epochs_with_dropout": f"{BETTER} {EPOCHS} --dataloader_drop_last=true",
    "accumulate_3": f"{PLAIN} {BETTER} --gradient_accumulation_steps=3 --logging_steps=1 --eval_strategy=epoch --save_strategy=steps --save_steps=3",
    "accumulate_4_drop_last_with_dropout": f"{BETTER} --gradient_accumulation_steps=4 --dataloader_drop_last=true --logging_steps=1 --eval_strategy=steps --eval_steps=2 --save_strategy=epoch",
    "accumulate_more_than_there_is": f"{PLAIN} {BETTER} {EPOCHS} --gradient_accumulation_steps=16",
    "accumulate_7_steps": f"{PLAIN} {BETTER} --gradient_accumulation_steps=3 --max_steps=7 --logging_steps=2 --eval_strategy=epoch --save_strategy=epoch",
    "one_batch_an_epoch": f"{PLAIN} {BETTER} {EPOCHS} --per_device_train_batch_size=64",
    # What is kept.
    "weights_only": f"{PLAIN} {BETTER} {STEPS} --save_only_model=true",
    "keep_1": f"{PLAIN} {SAVE} --save_total_limit=1",
    "keep_2": f"{PLAIN} {SAVE} --save_total_limit=2",
    "keep_3": f"{PLAIN} {BETTER} {STEPS} --save_total_limit=3",
    "keep_1_by_epochs": f"{PLAIN} {BETTER} {EPOCHS} --save_total_limit=1",
    "keep_1_and_the_best_which_is_first": f"{PLAIN} {WORSE} {STEPS} {LOAD} --save_total_limit=1",
    "keep_1_and_the_best_which_is_last": f"{PLAIN} {BETTER} {STEPS} {LOAD} --save_total_limit=1",
    "keep_2_and_the_best_which_is_first": f"{PLAIN} {WORSE} {STEPS} {LOAD} --save_total_limit=2",
    "keep_3_and_the_best_which_is_between": f"{PLAIN} {TURNING} {STEPS} {LOAD} --save_total_limit=3 --num_train_epochs=3",
    "keep_1_and_the_best_by_epochs": f"{PLAIN} {WORSE} {EPOCHS} {LOAD} --save_total_limit=1 --num_train_epochs=3",
    # Which is the best.
    "best_of_9_steps": f"{PLAIN} {BETTER} {STEPS} {LOAD} --max_steps=9 --save_total_limit=2",
    "best_of_11_steps": f"{PLAIN} {BETTER} {STEPS} {LOAD} --max_steps=11 --save_total_limit=2",
    "best_by_accuracy": f"{PLAIN} {BETTER} {STEPS} {LOAD} --metric_for_best_model=accuracy",
    "best_by_accuracy_with_prefix": f"{PLAIN} {WORSE} {EPOCHS} {LOAD} --metric_for_best_model=eval_accuracy",
    "best_by_loss_with_prefix": f"{TURNING} {STEPS} {LOAD} --metric_for_best_model=eval_loss",
    "best_is_the_greatest_loss": f"{PLAIN} {TURNING} {EPOCHS} {LOAD} --metric_for_best_model=loss --greater_is_better=true",
    "best_is_the_smallest_accuracy": f"{PLAIN} {BETTER} {EPOCHS} {LOAD} --metric_for_best_model=accuracy --greater_is_better=false",
    "best_saved_every_second_evaluation": f"{PLAIN} {WORSE} {LOAD} --logging_steps=5 --eval_strategy=steps --eval_steps=2 --save_strategy=steps --save_steps=4 --max_steps=8",
    "best_of_equals": f"{PLAIN} {BETTER} {STEPS} {LOAD} --learning_rate=0 --metric_for_best_model=accuracy",
    "best_is_noted_without_saving": f"{PLAIN} {TURNING} {EVAL} --metric_for_best_model=loss",
    "best_only": f"{PLAIN} {TURNING} {BEST} --metric_for_best_model=loss",
    "best_only_by_accuracy": f"{PLAIN} {BETTER} {BEST} --metric_for_best_model=accuracy",
    "best_only_is_loaded": f"{PLAIN} {TURNING} {BEST} {LOAD} --metric_for_best_model=loss --num_train_epochs=3",
    "best_only_keep_1": f"{PLAIN} {TURNING} {BEST} --metric_for_best_model=eval_loss --save_total_limit=1 --greater_is_better=false",
    "best_only_by_epochs": f"{PLAIN} {WORSE} --logging_strategy=epoch --eval_strategy=epoch --save_strategy=best --metric_for_best_model=loss",
    "best_only_without_evaluation": f"{PLAIN} {BETTER} {LOAD} --save_strategy=best --metric_for_best_model=loss",
    # When to stop early.
    "stop_after_1": f"{PLAIN} {WORSE} {STEPS} {LOAD} --early_stopping_patience=1",
    "stop_after_2": f"{PLAIN} {WORSE} {STEPS} {LOAD} --early_stopping_patience=2 --save_total_limit=2",
    "stop_after_1_by_epochs": f"{PLAIN} {WORSE} {EPOCHS} {LOAD} --early_stopping_patience=1 --num_train_epochs=4",
    "stop_below_a_threshold": f"{PLAIN} {BETTER} {STEPS} {LOAD} --early_stopping_patience=1 --early_stopping_threshold=0.5",
    "stop_by_accuracy": f"{PLAIN} {BETTER} {EPOCHS} {LOAD} --early_stopping_patience=1 --metric_for_best_model=accuracy --num_train_epochs=6",
    "stop_without_loading": f"{PLAIN} {WORSE} {STEPS} --early_stopping_patience=1 --metric_for_best_model=loss",
    "stop_with_the_best_only": f"{PLAIN} {WORSE} {BEST} --early_stopping_patience=2 --metric_for_best_model=loss",
    # What is evaluated, and counted.
    "two_tables": f"{PLAIN} --validation_file=easy=validation.csv --validation_file=hard=contrary.csv {STEPS}",
    "two_tables_with_dropout": f"--validation_file=easy=validation.csv --validation_file=hard=contrary.csv {EPOCHS}",
    "best_on_one_of_two_tables": f"{PLAIN} --validation_file=easy=validation.csv --validation_file=hard=contrary.csv {STEPS} {LOAD} --metric_for_best_model=eval_hard_loss",
    "evaluation_gathered_by_2": f"{PLAIN} {BETTER} {EVAL} --eval_accumulation_steps=2",
    "prediction": f"{PLAIN} {BETTER} {EPOCHS} --test_file=contrary.csv --num_train_epochs=1",
    "tokens": f"{PLAIN} {BETTER} {STEPS} --include_num_input_tokens_seen=true",
    "tokens_all": f"{PLAIN} {BETTER} {EPOCHS} --include_num_input_tokens_seen=all",
    "tokens_without_padding": f"{PLAIN} {BETTER} {EPOCHS} --include_num_input_tokens_seen=non_padding",
    "tokens_not": f"{PLAIN} {BETTER} {EPOCHS} --include_num_input_tokens_seen=no",
    "schedule_by_evaluation": f"{PLAIN} {WORSE} {EVAL} --lr_scheduler_type=reduce_lr_on_plateau --lr_scheduler_kwargs={{\"patience\":0}} --num_train_epochs=3 --metric_for_best_model=loss",
    "smoothed_labels": f"{PLAIN} {BETTER} {EPOCHS} --label_smoothing_factor=0.1",
    # What is refused.
    "refuse_best_of_other_strategies": f"{PLAIN} {BETTER} {LOAD} --eval_strategy=epoch --save_strategy=steps",
    "refuse_best_that_is_not_saved": f"{PLAIN} {BETTER} {LOAD} --eval_strategy=steps --eval_steps=4 --save_strategy=steps --save_steps=6",
    "refuse_best_of_other_shares": f"{PLAIN} {BETTER} {LOAD} --eval_strategy=steps --eval_steps=0.2 --save_strategy=steps --save_steps=0.3",
    "refuse_best_of_steps_and_shares": f"{PLAIN} {BETTER} {LOAD} --eval_strategy=steps --eval_steps=4 --save_strategy=steps --save_steps=0.5",
    "refuse_best_without_metric": f"{PLAIN} {BETTER} --eval_strategy=steps --eval_steps=4 --save_strategy=best",
    "refuse_unknown_metric": f"{PLAIN} {BETTER} {EPOCHS} {LOAD} --metric_for_best_model=bleu",
    "refuse_to_stop_without_metric": f"{PLAIN} {BETTER} {EPOCHS} --early_stopping_patience=1",
    "refuse_to_stop_without_evaluation": f"{PLAIN} {BETTER} --early_stopping_patience=1 --metric_for_best_model=loss",
    "refuse_log_every_0_steps": f"{PLAIN} --logging_steps=0",
    "refuse_log_every_2_5_steps": f"{PLAIN} --logging_steps=2.5",
    "refuse_evaluation_every_2_5_steps": f"{PLAIN} {BETTER} --eval_strategy=steps --eval_steps=2.5",
    "refuse_save_every_2_5_steps": f"{PLAIN} --save_steps=2.5",
    "refuse_evaluation_without_rows": f"{PLAIN} --eval_strategy=epoch",
    "refuse_schedule_without_evaluation": f"{PLAIN} {BETTER} --lr_scheduler_type=reduce_lr_on_plateau",
    "refuse_negative_warmup": f"{PLAIN} --warmup_steps=-1",
}
