//! The arguments that are one word of a list.

/// An enumeration whose variants are called as transformers calls them.
macro_rules! choice {
    ($(#[$meta:meta])* $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[$variant_meta])* $variant,)+ }

        impl $name {
            /// The names of all choices.
            pub const NAMES: &'static [&'static str] = &[$($text),+];

            /// The choice of this name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($text => Some($name::$variant),)+ _ => None }
            }

            /// The name that transformers gives it.
            pub fn name(self) -> &'static str {
                match self { $($name::$variant => $text,)+ }
            }
        }
    };
}

choice! {
    /// When something is done in the course of a training.
    IntervalStrategy {
        /// Never.
        No = "no",
        /// After every so many optimizer steps.
        Steps = "steps",
        /// At the end of every epoch.
        Epoch = "epoch",
    }
}

choice! {
    /// When a checkpoint is written in the course of a training.
    SaveStrategy {
        /// Never.
        No = "no",
        /// After every so many optimizer steps, and after the last one.
        Steps = "steps",
        /// At the end of every epoch.
        Epoch = "epoch",
        /// Whenever an evaluation is better than all before it.
        Best = "best",
    }
}

choice! {
    /// Which tokens of the training rows are counted.
    InputTokens {
        /// None.
        No = "no",
        /// Those of the padded batches.
        All = "all",
        /// Those of the rows alone.
        NonPadding = "non_padding",
    }
}

choice! {
    /// The course of the learning rate.
    SchedulerType {
        /// Up in the warmup, then straight down to 0.
        Linear = "linear",
        /// Up in the warmup, then down to 0 along half a cosine.
        Cosine = "cosine",
        /// The same from the first step to the last; there is no warmup.
        Constant = "constant",
        /// Up in the warmup, then constant.
        ConstantWithWarmup = "constant_with_warmup",
        /// Up in the warmup, then down to 0 along half a cosine, several times.
        CosineWithRestarts = "cosine_with_restarts",
        /// Up in the warmup, then down along a power.
        Polynomial = "polynomial",
        /// Up in the warmup, then down as one over the square root of the step.
        InverseSqrt = "inverse_sqrt",
        /// Down where a metric of the evaluations stops improving.
        ReduceLrOnPlateau = "reduce_lr_on_plateau",
        /// As `Cosine`, down to a least learning rate.
        CosineWithMinLr = "cosine_with_min_lr",
        /// As `CosineWithMinLr`, with a warmup that need not begin at 0.
        CosineWarmupWithMinLr = "cosine_warmup_with_min_lr",
        /// Up, constant for a while, then down.
        WarmupStableDecay = "warmup_stable_decay",
        /// Up and down with a metric of the evaluations.
        Greedy = "greedy",
    }
}

choice! {
    /// An optimizer.
    Optimizer {
        /// PyTorch's plain AdamW.
        AdamwTorch = "adamw_torch",
        /// PyTorch's fused AdamW, transformers' default.
        AdamwTorchFused = "adamw_torch_fused",
        /// transformers' Adafactor, at the learning rate that is given.
        Adafactor = "adafactor",
        /// Stochastic gradient descent.
        Sgd = "sgd",
        /// Adagrad.
        Adagrad = "adagrad",
        /// RMSprop.
        Rmsprop = "rmsprop",
        /// The Lion of bitsandbytes.
        Lion32bit = "lion_32bit",
    }
}

choice! {
    /// Which rows make the batches of an epoch, and in which order.
    SamplingStrategy {
        /// A random order in each epoch.
        Random = "random",
        /// The order of the file.
        Sequential = "sequential",
        /// A random order of batches whose rows have similar lengths.
        GroupByLength = "group_by_length",
        /// Batches of one optimizer step that cost the same, of more short rows or fewer long ones.
        BatchRebalance = "batch_rebalance",
    }
}

choice! {
    /// What dropout draws its masks from.
    DropoutRng {
        /// torch's generator: the masks are those of HF `Trainer`.
        Torch = "torch",
        /// A faster one, as good: the masks are others.
        Fast = "fast",
    }
}

choice! {
    /// Which device computes.
    Device {
        /// In a browser a GPU, if it has one, and else the CPU; elsewhere the CPU.
        Auto = "auto",
        /// The CPU.
        Cpu = "cpu",
        /// A GPU by WebGPU: that of the browser; elsewhere by Vulkan, Metal or Direct3D 12.
        Webgpu = "webgpu",
        /// A GPU by Vulkan.
        Vulkan = "vulkan",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_both_ways() {
        for name in SchedulerType::NAMES {
            assert_eq!(SchedulerType::from_name(name).map(SchedulerType::name), Some(*name));
        }
        for name in SaveStrategy::NAMES {
            assert_eq!(SaveStrategy::from_name(name).map(SaveStrategy::name), Some(*name));
        }
        for name in IntervalStrategy::NAMES {
            assert_eq!(IntervalStrategy::from_name(name).map(IntervalStrategy::name), Some(*name));
        }
        assert_eq!(Optimizer::from_name("lomo"), None);
    }
}
