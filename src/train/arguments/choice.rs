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
    }
}

choice! {
    /// An implementation of AdamW.
    Optimizer {
        /// PyTorch's plain one.
        AdamwTorch = "adamw_torch",
        /// PyTorch's fused one, transformers' default.
        AdamwTorchFused = "adamw_torch_fused",
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_both_ways() {
        for name in SchedulerType::NAMES {
            assert_eq!(SchedulerType::from_name(name).map(SchedulerType::name), Some(*name));
        }
        for name in IntervalStrategy::NAMES {
            assert_eq!(IntervalStrategy::from_name(name).map(IntervalStrategy::name), Some(*name));
        }
        assert_eq!(Optimizer::from_name("sgd"), None);
    }
}
