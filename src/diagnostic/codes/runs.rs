//! Codes of `rtrain verify` for checkpoints and runs: state, log, optimizer, schedule and results against each other.

use super::{Code, error, warning};

pub(super) const CODES: &[Code] = &[
    error(
        "run-checkpoint",
        "a checkpoint is of another step than its name says",
        "A run that goes on from it counts from the wrong step, and rotation deletes the wrong checkpoint.",
        "The directory was renamed, or trainer_state.json is that of another checkpoint.",
        "Give the directory the name of its step, or fetch the checkpoint again.",
    ),
    error(
        "run-steps",
        "the steps or epochs of the run do not fit each other",
        "The log goes back or ahead, or more is done than the run has: a run that goes on from it stops at once or trains too long.",
        "trainer_state.json was edited, or put together from two runs.",
        "Restore the file of this run.",
    ),
    error(
        "run-best",
        "the best checkpoint does not fit the run",
        "What is loaded as the best model is not the model that had the best metric.",
        "trainer_state.json was edited, or the best checkpoint was deleted or renamed.",
        "Restore the file or the checkpoint, or choose the best one by the log.",
    ),
    warning(
        "run-arguments",
        "the run's state does not fit its arguments",
        "A run that goes on takes the arguments anew and may evaluate, save or stop at other steps than before.",
        "training_args.bin is that of another run, trainer_state.json was edited, or the run was resumed with other arguments.",
        "Fetch both files from one place.",
    ),
    error(
        "optimizer-parameters",
        "the optimizer's parameters are not those of the model",
        "Going on with the run fails, or gives a parameter the moments of another.",
        "optimizer.pt is that of another model, or parameters were frozen or thawed since.",
        "Fetch optimizer.pt together with the model, or start with a new optimizer.",
    ),
    warning(
        "optimizer-group",
        "a parameter group has other settings than the run's arguments",
        "Going on with the run uses the settings of optimizer.pt.",
        "optimizer.pt and training_args.bin come from two runs, or a script made its own groups.",
        "Fetch both files from one place.",
    ),
    error(
        "optimizer-step",
        "the optimizer has done another number of steps than the run",
        "The corrections of Adam's moments are those of another step.",
        "optimizer.pt and trainer_state.json come from two checkpoints.",
        "Fetch both files from one checkpoint.",
    ),
    error(
        "scheduler-step",
        "the schedule has done another number of steps than the run",
        "Going on with the run uses the learning rates of other steps.",
        "scheduler.pt and trainer_state.json come from two checkpoints.",
        "Fetch both files from one checkpoint.",
    ),
    warning(
        "scheduler-type",
        "the schedule is not that of the run's arguments",
        "Going on with the run fails, or goes on with another schedule.",
        "scheduler.pt and training_args.bin come from two runs, or a script made its own schedule.",
        "Fetch both files from one place.",
    ),
    warning(
        "scheduler-rate",
        "the learning rates do not fit each other",
        "Optimizer, schedule and arguments tell different learning rates.",
        "scheduler.pt, optimizer.pt and training_args.bin come from two runs, or a script set its own rates.",
        "Fetch all three from one place.",
    ),
    warning(
        "torch-stem",
        "a file of torch was saved under another name",
        "torch writes the name into the file. The values are those of another file: of another process, perhaps.",
        "The file was renamed, or copied over another one.",
        "Give it its name back.",
    ),
    warning(
        "run-results",
        "the gathered results are not those of a split",
        "all_results.json and the results of the split tell different metrics.",
        "One of the two files was edited, or they come from two runs.",
        "Evaluate again.",
    ),
];
