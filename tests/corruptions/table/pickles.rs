//! Pickles that want a program run, or the reader's memory. The containers are without a fault.

use super::{CHECKPOINT, Corruption, PICKLED, row};
use crate::instructions::{COMMAND, EXPRESSION, attribute, call, call_text, doubled_pairs, global, nested_lists, text};

const FILE: &str = "pytorch_model.bin";
const SCHEDULER: &str = "scheduler.pt";
const ARGUMENTS: &str = "training_args.bin";

/// The next number of the memo in scheduler.pt.
const NEXT_OBJECT: u32 = 13;

pub const ROWS: &[Corruption] = &[
    row("os-system", PICKLED, "os.system is called", ["pickle-global", FILE, "bytes 66..77"], |d| {
        d.pickle_before(FILE, &call_text("os", "system", COMMAND))
    }),
    row("posix-system", PICKLED, "posix.system is called", ["pickle-global", FILE, "bytes 66..80"], |d| {
        d.pickle_before(FILE, &call_text("posix", "system", COMMAND))
    }),
    row("nt-system", PICKLED, "nt.system is called", ["pickle-global", FILE, "bytes 66..77"], |d| {
        d.pickle_before(FILE, &call_text("nt", "system", COMMAND))
    }),
    row("builtins-eval", PICKLED, "eval is called", ["pickle-global", FILE, "bytes 66..84"], |d| {
        d.pickle_before(FILE, &call_text("__builtin__", "eval", EXPRESSION))
    }),
    row("builtins-exec-behind", PICKLED, "exec is called after the tensors", ["pickle-global", FILE, "bytes 2646..2664"], |d| {
        d.pickle_entry(FILE, &call_text("__builtin__", "exec", EXPRESSION));
    }),
    row("eval-nested", PICKLED, "eval is reached by a name with dots, in protocol 4", ["pickle-protocol", FILE, "bytes 64..66"], |d| {
        d.pickle_before(FILE, &call_text("torch.serialization", "pickle.codecs.builtins.eval", EXPRESSION));
        d.pickle(FILE, |bytes| bytes[1] = 4);
    }),
    row(
        "getattr-chain",
        PICKLED,
        "os.system is reached by getattr from torch.serialization",
        ["pickle-global", FILE, "bytes 66..87"],
        |d| {
            let system = attribute(&attribute(&global("torch", "serialization"), "os"), "system");
            d.pickle_before(FILE, &call(&system, &[&text(COMMAND)]));
        },
    ),
    row("torch-hub", PICKLED, "torch.hub runs a file of the working directory", ["pickle-global", FILE, "bytes 66..89"], |d| {
        d.pickle_before(FILE, &call(&global("torch.hub", "_load_local"), &[&text("."), &text("entry")]));
    }),
    row("runpy", PICKLED, "runpy runs a file of the working directory", ["pickle-global", FILE, "bytes 66..82"], |d| {
        d.pickle_before(FILE, &call_text("runpy", "run_path", "payload.py"));
    }),
    row("timeit", PICKLED, "timeit runs a text", ["pickle-global", FILE, "bytes 66..81"], |d| {
        d.pickle_before(FILE, &call_text("timeit", "timeit", EXPRESSION))
    }),
    row("pkgutil-resolve-name", PICKLED, "os.system is reached by pkgutil.resolve_name", ["pickle-global", FILE, "bytes 66..88"], |d| {
        d.pickle_before(FILE, &call(&call_text("pkgutil", "resolve_name", "os:system"), &[&text(COMMAND)]));
    }),
    row("subprocess", PICKLED, "subprocess.Popen is called", ["pickle-global", FILE, "bytes 66..84"], |d| {
        let command = [&b"]("[..], &text("touch"), &text("executed"), b"e"].concat();
        d.pickle_before(FILE, &call(&global("subprocess", "Popen"), &[&command]));
    }),
    row("open-for-writing", PICKLED, "a file is opened for writing", ["pickle-global", FILE, "bytes 66..75"], |d| {
        d.pickle_before(FILE, &call(&global("io", "open"), &[&text("executed"), &text("w")]));
    }),
    row("numpy-f2py", PICKLED, "a function of numpy that runs texts is called", ["pickle-global", FILE, "bytes 66..98"], |d| {
        d.pickle_before(FILE, &call(&global("numpy.f2py.crackfortran", "myeval"), &[&text(EXPRESSION)]));
    }),
    row("import-only", PICKLED, "a module is imported that does something when it is", ["pickle-global", FILE, "bytes 66..78"], |d| {
        d.pickle_before(FILE, &global("payload", "os"));
    }),
    row("inst", PICKLED, "os.system is called by the instruction INST", ["pickle-opcode", FILE, "bytes 86..87"], |d| {
        d.pickle_before(FILE, &[&b"("[..], &text(COMMAND), b"ios\nsystem\n"].concat());
    }),
    row("obj", PICKLED, "os.system is called by the instruction OBJ", ["pickle-global", FILE, "bytes 67..78"], |d| {
        d.pickle_before(FILE, &[&b"("[..], &global("os", "system"), &text(COMMAND), b"o"].concat());
    }),
    row("stack-global", PICKLED, "os.system is named by texts, by STACK_GLOBAL", ["pickle-opcode", FILE, "bytes 84..85"], |d| {
        d.pickle_before(FILE, &call(&[text("os"), text("system"), b"\x93".to_vec()].concat(), &[&text(COMMAND)]));
    }),
    row("stack-global-built", PICKLED, "the name for STACK_GLOBAL comes out of the memo", ["pickle-memo", FILE, "bytes 77..79"], |d| {
        let name = [&text("system")[..], b"q\xff0", &text("os"), b"h\xff\x93"].concat();
        d.pickle_before(FILE, &call(&name, &[&text(COMMAND)]));
    }),
    row("newobj", PICKLED, "an object of a foreign class is made", ["pickle-global", FILE, "bytes 66..85"], |d| {
        d.pickle_before(FILE, &[&global("pathlib", "PosixPath")[..], b")\x81"].concat());
    }),
    row("build", PICKLED, "a foreign object is given a state", ["pickle-global", FILE, "bytes 66..85"], |d| {
        let partial = call(&global("functools", "partial"), &[&global("os", "system")]);
        let state = [&b"("[..], &global("os", "system"), b"(", &text(COMMAND), b"t}Ntb"].concat();
        d.pickle_before(FILE, &[partial, state].concat());
    }),
    row(
        "build-on-dict",
        PICKLED,
        "an OrderedDict is given a state",
        ["torch-tensor", FILE, "/bert.embeddings.word_embeddings.weight"],
        |d| {
            d.pickle_replace(FILE, b"OrderedDict\nq\x0a)Rq\x0b", &[&b"OrderedDict\nq\x0a)Rq\x0b}"[..], &text("update"), b"Nsb"].concat());
        },
    ),
    row("reduce-on-data", PICKLED, "a text is called", ["pickle-stack", FILE, "bytes 101..102"], |d| {
        d.pickle_before(FILE, &call(&text("os.system"), &[&text(COMMAND)]))
    }),
    row("ext", PICKLED, "an object is named by a number of the extension registry", ["pickle-opcode", FILE, "bytes 66..67"], |d| {
        d.pickle_before(FILE, b"\x82\x01")
    }),
    row("persistent-id", PICKLED, "the identifier of a storage is a text", ["pickle-opcode", FILE, "bytes 66..67"], |d| {
        d.pickle_before(FILE, b"Pstorage\n")
    }),
    row("protocol-4", PICKLED, "the pickle is of protocol 4, in a frame", ["pickle-protocol", FILE, "bytes 64..66"], |d| {
        d.pickle(FILE, |bytes| {
            let length = (bytes.len() as u64 - 2).to_le_bytes();
            bytes.splice(..2, b"\x80\x04\x95".iter().copied().chain(length)).for_each(drop);
        });
    }),
    row("protocol-5", PICKLED, "the pickle is of protocol 5", ["pickle-protocol", FILE, "bytes 64..66"], |d| {
        d.pickle(FILE, |bytes| bytes[1] = 5)
    }),
    row("frame", PICKLED, "a frame begins inside the pickle", ["pickle-opcode", FILE, "bytes 66..67"], |d| {
        d.pickle_before(FILE, b"\x95\x03\0\0\0\0\0\0\0N00N")
    }),
    row(
        "second-pickle",
        PICKLED,
        "a second pickle follows behind the first one's end",
        ["pickle-trailing", FILE, "bytes 2638..2674"],
        |d| {
            d.pickle(FILE, |bytes| bytes.extend([&b"\x80\x02"[..], &call_text("os", "system", COMMAND), b"."].concat()));
        },
    ),
    row("no-end", PICKLED, "the pickle has no end", ["pickle-truncated", FILE, "bytes 2637..2637"], |d| {
        d.pickle(FILE, |bytes| bytes.truncate(bytes.len() - 1))
    }),
    row("text-of-4-gb", PICKLED, "a text is said to have 4,294,967,295 bytes", ["pickle-truncated", FILE, "bytes 66..71"], |d| {
        d.pickle_before(FILE, b"X\xff\xff\xff\xff")
    }),
    row("text-of-2-to-the-62", PICKLED, "a text is said to have 2^62 bytes", ["pickle-opcode", FILE, "bytes 66..67"], |d| {
        d.pickle_before(FILE, b"\x8d\0\0\0\0\0\0\0\x40");
    }),
    row("bytes-of-2-to-the-62", PICKLED, "an array is said to have 2^62 bytes", ["pickle-opcode", FILE, "bytes 66..67"], |d| {
        d.pickle_before(FILE, b"\x96\0\0\0\0\0\0\0\x40");
    }),
    row("number-of-2-gb", PICKLED, "a number is said to have 2,147,483,647 bytes", ["pickle-opcode", FILE, "bytes 66..67"], |d| {
        d.pickle_before(FILE, b"\x8b\xff\xff\xff\x7f")
    }),
    row("number-of-255-bytes", PICKLED, "a number has 255 bytes", ["pickle-integer", FILE, "bytes 66..323"], |d| {
        d.pickle_before(FILE, &[&b"\x8a\xff"[..], &[1; 255]].concat());
    }),
    row("memo-of-10-to-the-9", PICKLED, "an object gets the number 1,000,000,000", ["pickle-memo", FILE, "bytes 67..72"], |d| {
        d.pickle_before(FILE, &[&b"Nr"[..], &1_000_000_000_u32.to_le_bytes()].concat());
    }),
    row(
        "list-of-10-to-the-9",
        PICKLED,
        "a tensor of 10^9 elements is made of one, by a stride of 0",
        ["tensor-shape", FILE, "tensor bert.embeddings.word_embeddings.weight"],
        |d| {
            d.pickle_replace(FILE, b"K\0K\x72K\x10\x86q\x08K\x10K\x01\x86", b"K\0J\0\xca\x9a\x3bK\x01\x86q\x08K\0K\0\x86");
        },
    ),
    row("list-of-5-million", CHECKPOINT, "a list has five million elements", ["pickle-limit", SCHEDULER, "bytes 725438..725439"], |d| {
        d.pickle_entry(SCHEDULER, &[&b"]("[..], &vec![b'N'; 5_000_000], b"e"].concat());
    }),
    row("pickle-depth-bomb", CHECKPOINT, "100,000 lists lie inside each other", ["pickle-limit", SCHEDULER, "bytes 64..200277"], |d| {
        d.pickle_entry(SCHEDULER, &nested_lists(100_000));
    }),
    row("pickle-depth-bomb-in-weights", PICKLED, "100,000 lists lie inside each other", ["pickle-limit", FILE, "bytes 64..202647"], |d| {
        d.pickle_entry(FILE, &nested_lists(100_000));
    }),
    row(
        "memo-bomb",
        CHECKPOINT,
        "a pair of pairs of pairs, 40 times, has 2^40 leaves",
        ["pickle-limit", SCHEDULER, "bytes 64..724"],
        |d| {
            d.pickle_entry(SCHEDULER, &doubled_pairs(40, NEXT_OBJECT));
        },
    ),
    row("marks", PICKLED, "a million marks are opened", ["pickle-opcode", FILE, "bytes 1000066..1000067"], |d| {
        d.pickle_before(FILE, &vec![b'('; 1_000_000])
    }),
    row("cycle", CHECKPOINT, "a list holds itself", ["pickle-cycle", SCHEDULER, "bytes 64..290"], |d| {
        d.pickle_entry(SCHEDULER, b"]r\x0d\0\0\0j\x0d\0\0\0a")
    }),
    row("pickle-duplicate-key", CHECKPOINT, "a key stands twice in a dict", ["pickle-duplicate-key", SCHEDULER, "bytes 64..272"], |d| {
        d.pickle_replace(SCHEDULER, b"K\x04X\x0b\0\0\0_is_initial", b"K\x04h\x04K\x07X\x0b\0\0\0_is_initial");
    }),
    row(
        "arguments-class",
        CHECKPOINT,
        "the arguments are of a class of somebody's own",
        ["pickle-global", ARGUMENTS, "bytes 66..93"],
        |d| {
            d.pickle_replace(ARGUMENTS, b"transformers.training_args\nTrainingArguments", b"payload\nTrainingArguments");
        },
    ),
    row("arguments-os-system", CHECKPOINT, "os.system is called", ["pickle-global", ARGUMENTS, "bytes 66..77"], |d| {
        d.pickle_before(ARGUMENTS, &call_text("os", "system", COMMAND));
    }),
    row("scheduler-eval", CHECKPOINT, "eval is called", ["pickle-global", SCHEDULER, "bytes 66..84"], |d| {
        d.pickle_before(SCHEDULER, &call_text("__builtin__", "eval", EXPRESSION));
    }),
    row("rng-codecs", CHECKPOINT, "codecs.open is called", ["pickle-global", "rng_state.pth", "bytes 66..79"], |d| {
        d.pickle_before("rng_state.pth", &call(&global("codecs", "open"), &[&text("executed"), &text("w")]));
    }),
    row("optimizer-os-system", CHECKPOINT, "os.system is called", ["pickle-global", "optimizer.pt", "bytes 66..77"], |d| {
        d.pickle_before("optimizer.pt", &call_text("os", "system", COMMAND));
    }),
];
