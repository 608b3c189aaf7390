//! The figures as a table for people, or as CSV.

/// One figure, beside what it is compared with.
pub struct Row {
    /// What is measured.
    pub figure: String,
    pub value: f64,
    pub unit: Unit,
    /// The same of the baseline, and what that is.
    pub baseline: Option<(f64, &'static str)>,
    /// All of them are to be reached.
    pub aims: Vec<Aim>,
}

/// What the numbers of a row are.
#[derive(Clone, Copy)]
pub enum Unit {
    Millis,
    Micros,
    Seconds,
    PerSecond,
    Bytes,
    Megabytes,
    Count,
}

/// What a figure is to be.
#[derive(Clone, Copy)]
pub enum Aim {
    AtMost(f64),
    AtLeast(f64),
    /// So many times the baseline, at most.
    TimesAtMost(f64),
}

impl Unit {
    fn name(self) -> &'static str {
        match self {
            Self::Millis => "ms",
            Self::Micros => "us",
            Self::Seconds => "s",
            Self::PerSecond => "/s",
            Self::Bytes => "B",
            Self::Megabytes => "MB",
            Self::Count => "",
        }
    }

    fn decimals(self) -> usize {
        match self {
            Self::Millis => 3,
            Self::Seconds => 2,
            Self::Micros | Self::Megabytes | Self::Count => 1,
            Self::PerSecond | Self::Bytes => 0,
        }
    }
}

impl Row {
    /// A figure without a baseline or an aim.
    pub fn new(figure: impl Into<String>, value: f64, unit: Unit) -> Self {
        Self { figure: figure.into(), value, unit, baseline: None, aims: Vec::new() }
    }

    pub fn beside(self, baseline: f64, of: &'static str) -> Self {
        Self { baseline: Some((baseline, of)), ..self }
    }

    pub fn aim(mut self, aim: Aim) -> Self {
        self.aims.push(aim);
        self
    }

    fn ratio(&self) -> Option<f64> {
        self.baseline.filter(|(baseline, _)| *baseline > 0.0).map(|(baseline, _)| self.value / baseline)
    }

    fn reaches(&self, aim: Aim) -> bool {
        match aim {
            Aim::AtMost(most) => self.value <= most,
            Aim::AtLeast(least) => self.value >= least,
            Aim::TimesAtMost(most) => self.ratio().is_some_and(|ratio| ratio <= most),
        }
    }

    fn aim_text(&self) -> String {
        let unit = self.unit.name();
        let texts = self.aims.iter().map(|aim| match aim {
            Aim::AtMost(most) => format!("≤ {most} {unit}"),
            Aim::AtLeast(least) => format!("≥ {least} {unit}"),
            Aim::TimesAtMost(most) => format!("≤ {most}×"),
        });
        texts.collect::<Vec<_>>().join(", ").replace(" /s", "/s")
    }

    fn verdict(&self) -> &'static str {
        match (self.aims.is_empty(), self.aims.iter().all(|aim| self.reaches(*aim))) {
            (true, _) => "",
            (false, true) => "reached",
            (false, false) => "MISSED",
        }
    }
}

/// Prints rows as they come.
pub struct Table {
    is_csv: bool,
}

impl Table {
    pub fn begin(is_csv: bool) -> Self {
        match is_csv {
            true => println!("figure,value,unit,baseline,baseline of,ratio,aim,verdict"),
            false => println!(
                "{:<52}{:>14}{:>14} {:<22}{:>7}  {:<18}",
                "figure", "accompanist", "baseline", "", "ratio", "aim"
            ),
        }
        Self { is_csv }
    }

    pub fn print(&self, rows: impl IntoIterator<Item = Row>) {
        rows.into_iter().for_each(|row| self.print_one(&row));
    }

    fn print_one(&self, row: &Row) {
        let (unit, decimals) = (row.unit.name(), row.unit.decimals());
        let ratio = row.ratio().map(|ratio| format!("{ratio:.2}")).unwrap_or_default();
        let (baseline, of) = row.baseline.map_or((None, ""), |(baseline, of)| (Some(baseline), of));
        let (aim, verdict) = (row.aim_text(), row.verdict());
        if self.is_csv {
            let baseline = baseline.map(|baseline| baseline.to_string()).unwrap_or_default();
            println!("\"{}\",{},{unit},{baseline},\"{of}\",{ratio},\"{aim}\",{verdict}", row.figure, row.value);
            return;
        }
        let number = |value: f64| format!("{value:.decimals$} {unit}").trim_end().replace(" /s", "/s");
        let baseline = baseline.map(number).unwrap_or_default();
        let line =
            format!("{:<52}{:>14}{baseline:>14} {of:<22}{ratio:>7}  {aim:<18}{verdict}", row.figure, number(row.value));
        println!("{}", line.trim_end());
    }
}
