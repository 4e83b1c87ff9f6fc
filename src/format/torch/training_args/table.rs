//! The classes of a `training_args.bin`: their attributes, and the words of their enumerations.
//!
//! # Source
//! transformers 5.23.0 and 4.57.6, `trainer_utils.py`, `trainer_pt_utils.py`, `debug_utils.py`; accelerate 1.15.0, `state.py`,
//! `utils/dataclasses.py`.

/// A class: module and name, and its attributes in the order in which they are set.
#[derive(Debug, PartialEq)]
pub struct Class {
    /// Module and name.
    pub name: (&'static str, &'static str),
    /// The attributes.
    pub fields: &'static [Field],
}

/// An attribute: name, kind, and the default that the class declares.
pub type Field = (&'static str, Kind, Default);

/// What an attribute can be, beside `None`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// Nothing but `None`: what it would hold otherwise is not read yet.
    Nothing,
    /// `True` or `False`
    Flag,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// A text.
    Text,
    /// A list of texts, or one text.
    Texts,
    /// A dict of plain values.
    Dict,
    /// Any plain value.
    Any,
    /// A member of an enumeration.
    Choice(&'static Enumeration),
    /// A list of members of an enumeration.
    Choices(&'static Enumeration),
    /// An object.
    Object(&'static Class),
    /// A `torch.device`.
    Device,
}

/// The default that a class declares.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Default {
    /// `None`
    None,
    /// `True` or `False`
    Flag(bool),
    /// An `int`.
    Integer(i64),
    /// A `float`.
    Float(f64),
    /// A `str`, also for a member of an enumeration.
    Text(&'static str),
    /// A list without items.
    Empty,
}

/// An enumeration whose members have texts as values.
#[derive(Debug, PartialEq)]
pub struct Enumeration {
    /// Module and name.
    pub name: (&'static str, &'static str),
    /// The values.
    pub words: &'static [&'static str],
}

/// Of logging and evaluation.
pub const INTERVAL_STRATEGY: Enumeration =
    Enumeration { name: ("transformers.trainer_utils", "IntervalStrategy"), words: &["no", "steps", "epoch"] };

/// Of saving.
pub const SAVE_STRATEGY: Enumeration =
    Enumeration { name: ("transformers.trainer_utils", "SaveStrategy"), words: &["no", "steps", "epoch", "best"] };

/// Of pushing to the hub.
pub const HUB_STRATEGY: Enumeration =
    Enumeration { name: ("transformers.trainer_utils", "HubStrategy"), words: &["end", "every_save", "checkpoint", "all_checkpoints"] };

/// Of the learning rate; `greedy` since transformers 5.
pub const SCHEDULER_TYPE: Enumeration = Enumeration {
    name: ("transformers.trainer_utils", "SchedulerType"),
    words: &[
        "linear",
        "cosine",
        "cosine_with_restarts",
        "polynomial",
        "constant",
        "constant_with_warmup",
        "inverse_sqrt",
        "reduce_lr_on_plateau",
        "cosine_with_min_lr",
        "cosine_warmup_with_min_lr",
        "warmup_stable_decay",
        "greedy",
    ],
};

/// Of sharding, in transformers 4.
pub const FSDP_OPTION: Enumeration = Enumeration {
    name: ("transformers.trainer_utils", "FSDPOption"),
    words: &["full_shard", "shard_grad_op", "no_shard", "hybrid_shard", "hybrid_shard_zero2", "offload", "auto_wrap"],
};

/// Of debugging.
pub const DEBUG_OPTION: Enumeration =
    Enumeration { name: ("transformers.debug_utils", "DebugOption"), words: &["underflow_overflow", "tpu_metrics_debug"] };

/// Of optimizers; `adamw_apex_fused` until transformers 4.
pub const OPTIMIZER_NAMES: Enumeration = Enumeration {
    name: ("transformers.training_args", "OptimizerNames"),
    words: &[
        "adamw_torch",
        "adamw_torch_fused",
        "adamw_torch_xla",
        "adamw_torch_npu_fused",
        "adamw_apex_fused",
        "adafactor",
        "adamw_anyprecision",
        "adamw_torch_4bit",
        "adamw_torch_8bit",
        "ademamix",
        "sgd",
        "adagrad",
        "adamw_bnb_8bit",
        "adamw_8bit",
        "ademamix_8bit",
        "lion_8bit",
        "lion_32bit",
        "paged_adamw_32bit",
        "paged_adamw_8bit",
        "paged_ademamix_32bit",
        "paged_ademamix_8bit",
        "paged_lion_32bit",
        "paged_lion_8bit",
        "rmsprop",
        "rmsprop_bnb",
        "rmsprop_bnb_8bit",
        "rmsprop_bnb_32bit",
        "galore_adamw",
        "galore_adamw_8bit",
        "galore_adafactor",
        "galore_adamw_layerwise",
        "galore_adamw_8bit_layerwise",
        "galore_adafactor_layerwise",
        "lomo",
        "adalomo",
        "grokadamw",
        "schedule_free_radam",
        "schedule_free_adamw",
        "schedule_free_sgd",
        "apollo_adamw",
        "apollo_adamw_layerwise",
        "stable_adamw",
    ],
};

const DISTRIBUTED_TYPE: Enumeration = Enumeration {
    name: ("accelerate.utils.dataclasses", "DistributedType"),
    words: &[
        "NO",
        "MULTI_CPU",
        "MULTI_GPU",
        "MULTI_NPU",
        "MULTI_MLU",
        "MULTI_SDAA",
        "MULTI_MUSA",
        "MULTI_XPU",
        "DEEPSPEED",
        "FSDP",
        "XLA",
        "MEGATRON_LM",
        "MULTI_HPU",
        "MULTI_NEURON",
    ],
};

/// How accelerate makes batches.
pub const ACCELERATOR_CONFIG: Class = Class {
    name: ("transformers.trainer_pt_utils", "AcceleratorConfig"),
    fields: &[
        ("split_batches", Kind::Flag, Default::Flag(false)),
        ("dispatch_batches", Kind::Flag, Default::None),
        ("even_batches", Kind::Flag, Default::Flag(true)),
        ("use_seedable_sampler", Kind::Flag, Default::Flag(true)),
        ("non_blocking", Kind::Flag, Default::Flag(false)),
        ("gradient_accumulation_kwargs", Kind::Dict, Default::None),
    ],
};

/// The process as accelerate sees it: by default the only one.
pub const PARTIAL_STATE: Class = Class {
    name: ("accelerate.state", "PartialState"),
    fields: &[
        ("_cpu", Kind::Flag, Default::Flag(false)),
        ("backend", Kind::Text, Default::None),
        ("device", Kind::Device, Default::None),
        ("debug", Kind::Flag, Default::Flag(false)),
        ("distributed_type", Kind::Choice(&DISTRIBUTED_TYPE), Default::Text("NO")),
        ("num_processes", Kind::Integer, Default::Integer(1)),
        ("process_index", Kind::Integer, Default::Integer(0)),
        ("local_process_index", Kind::Integer, Default::Integer(0)),
        ("fork_launched", Kind::Flag, Default::Flag(false)),
    ],
};
