/// `1,234,567`: digits in groups of three, for people.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 file`, `1,200 files`. For nouns whose plural ends in `s`.
pub fn counted(number: u64, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{} {noun}s", grouped(number)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_stand_in_groups_of_three() {
        let shown: Vec<String> = [0, 7, 999, 1000, 104_233, 1_234_567].map(grouped).to_vec();
        assert_eq!(shown, ["0", "7", "999", "1,000", "104,233", "1,234,567"]);
        assert_eq!(
            [counted(0, "file"), counted(1, "file"), counted(2000, "file")],
            ["0 files", "1 file", "2,000 files"]
        );
    }
}
