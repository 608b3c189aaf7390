//! The figures as a picture: mean latency over the delay, with a thin line up to the 99th percentile, and what the network alone takes of it.

use std::fmt::Write as _;

use super::setup::Kind;
use super::{Figure, ways};

/// The picture and the area of the lines in it, in pixels.
const SIZE: (f64, f64) = (860.0, 560.0);
const LEFT: f64 = 70.0;
const TOP: f64 = 70.0;
const AREA: (f64, f64) = (760.0, 420.0);
/// About how many lines go across.
const STEPS: f64 = 8.0;

/// One for each number of services, in turns.
const COLOURS: [&str; 3] = ["#0072b2", "#d55e00", "#009e73"];

/// Where values are in the picture.
struct Scale {
    delay_max: f64,
    latency_max: f64,
}

impl Scale {
    fn x(&self, delay_ms: f64) -> f64 {
        LEFT + AREA.0 * delay_ms / self.delay_max
    }

    fn y(&self, latency_ms: f64) -> f64 {
        TOP + AREA.1 * (1.0 - latency_ms / self.latency_max)
    }
}

/// The figures as SVG.
pub fn draw(figures: &[Figure]) -> String {
    let delay_max = figures.iter().map(|figure| figure.delay_ms).max().unwrap_or_default().max(1);
    let latency_max = figures.iter().map(|figure| figure.p99_ms).fold(1.0, f64::max);
    let step = step(latency_max);
    let scale = Scale { delay_max: f64::from(delay_max), latency_max: (latency_max / step).ceil() * step };
    let mut chain_sizes: Vec<usize> = figures.iter().map(|figure| figure.services).collect();
    chain_sizes.sort_unstable();
    chain_sizes.dedup();

    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
        SIZE.0, SIZE.1
    );
    axes(&mut svg, &scale, step, delay_max);
    for (place, (services, colour)) in chain_sizes.iter().zip(COLOURS.iter().cycle()).enumerate() {
        let network = [(0.0, 0.0), (scale.delay_max, ways(*services) * scale.delay_max)];
        line(&mut svg, &scale, &network, colour, "stroke-dasharray=\"1 5\" stroke-width=\"1\"");
        for (column, kind) in [Kind::Choreography, Kind::Orchestrator].into_iter().enumerate() {
            let style = if kind == Kind::Choreography {
                "stroke-width=\"2\""
            } else {
                "stroke-width=\"2\" stroke-dasharray=\"8 4\""
            };
            let own = figures.iter().filter(|figure| (figure.services, figure.kind) == (*services, kind));
            let mut points: Vec<_> =
                own.map(|figure| (f64::from(figure.delay_ms), figure.mean_ms, figure.p99_ms)).collect();
            points.sort_by(|one, other| one.0.total_cmp(&other.0));
            for (delay, mean, p99) in &points {
                line(
                    &mut svg,
                    &scale,
                    &[(*delay, *mean), (*delay, *p99)],
                    colour,
                    "stroke-width=\"1\" opacity=\"0.6\"",
                );
            }
            let means: Vec<_> = points.iter().map(|(delay, mean, _)| (*delay, *mean)).collect();
            line(&mut svg, &scale, &means, colour, style);
            let (x, y) = (LEFT + 15.0 + 230.0 * column as f64, TOP + 20.0 + 20.0 * place as f64);
            let noun = if *services == 1 { "service" } else { "services" };
            let _ = writeln!(
                svg,
                "<path d=\"M{x} {}h34\" stroke=\"{colour}\" fill=\"none\" {style}/><text x=\"{}\" y=\"{y}\">{}, {services} {noun}</text>",
                y - 4.0,
                x + 42.0,
                kind.name()
            );
        }
    }
    svg + "</svg>\n"
}

/// A round number that is about as far as one line is from the next.
fn step(latency_max: f64) -> f64 {
    let decade = 10_f64.powf((latency_max / STEPS).log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|times| times * decade);
    steps.into_iter().find(|step| latency_max / step <= STEPS).unwrap_or(10.0 * decade)
}

fn axes(svg: &mut String, scale: &Scale, step: f64, delay_max: u32) {
    let (right, bottom) = (LEFT + AREA.0, TOP + AREA.1);
    let mut text = |x: f64, y: f64, anchor: &str, words: &str| {
        let _ = writeln!(svg, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{words}</text>");
    };
    text(LEFT, 30.0, "start", "End-to-end latency at the client: mean, and up to the 99th percentile");
    text(LEFT, 50.0, "start", "Dotted: what the delays of a choreography's messages come to");
    text(LEFT + AREA.0 / 2.0, bottom + 45.0, "middle", "one-way delay of each connection, in ms");
    text(LEFT - 10.0, TOP - 8.0, "end", "ms");
    let mut latency = 0.0;
    while latency <= scale.latency_max + step / 2.0 {
        let y = scale.y(latency);
        text(LEFT - 10.0, y + 4.0, "end", &format!("{}", (latency * 100.0).round() / 100.0));
        latency += step;
    }
    for delay in 0..=delay_max {
        text(scale.x(f64::from(delay)), bottom + 20.0, "middle", &delay.to_string());
    }
    let mut latency = 0.0;
    while latency <= scale.latency_max + step / 2.0 {
        let y = scale.y(latency);
        let _ = writeln!(svg, "<path d=\"M{LEFT} {y:.1}H{right}\" stroke=\"#ddd\"/>");
        latency += step;
    }
}

fn line(svg: &mut String, scale: &Scale, points: &[(f64, f64)], colour: &str, style: &str) {
    let points: Vec<String> =
        points.iter().map(|(delay, latency)| format!("{:.1},{:.1}", scale.x(*delay), scale.y(*latency))).collect();
    let _ = writeln!(svg, "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" {style}/>", points.join(" "));
}
