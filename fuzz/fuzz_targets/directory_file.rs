//! Any bytes under any name of the release table: no panic, and what is written for what was read is read and written the same again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rtrain::format::release::RELEASES;
use rtrain::format::rewriting::rewrite;

fuzz_target!(|input: (u8, &[u8])| {
    let (choice, bytes) = input;
    let rows: Vec<_> = RELEASES.iter().flat_map(|release| release.files).copied().flatten().collect();
    let row = rows[usize::from(choice) % rows.len()];
    if let Some(Ok(written)) = rewrite(row.holds, row.name, bytes) {
        let again = rewrite(row.holds, row.name, &written).expect("a reader").expect("what was written is read");
        assert_eq!(again, written, "{}", row.name);
    }
});
