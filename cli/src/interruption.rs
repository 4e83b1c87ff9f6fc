use rtrain::diagnostic::Result;
pub struct Interruption;
#[derive(Clone, Copy)]
pub struct Signal;
impl Signal { pub fn exit_code(self) -> u8 { 130 } }
impl Interruption {
    pub fn install() -> Result<Self> { Ok(Interruption) }
    pub fn requested(&self) -> Option<Signal> { None }
}
