import LoopbackClient
import Measuring

/// The plots of a comparison, drawn by gnuplot as SVG and PNG: a bar for each contender, with quartiles.
struct Plots {
    let scenarios: [any Scenario]
    let summary: Summary
    let subtitle: String

    static var isPossible: Bool {
        guard let child = try? ChildProcess(["gnuplot", "--version"]) else { return false }
        return (try? child.waitUntilEnded(seconds: 10)) == true && child.printed.hasPrefix("gnuplot")
    }

    /// Writes data and scripts, and draws them.
    func draw(into folder: ResultFolder) throws {
        for name in unique(scenarios.map(\.name)) {
            let group = scenarios.filter { $0.name == name }
            if group.count > 1, name == Listeners(listeners: 1).name {
                try draw(lines(group), name, folder)
            } else {
                for (index, scenario) in group.enumerated() {
                    let file = index == 0 ? name : "\(name)-\(index + 1)"
                    let hasQuantiles = scenario.columns[0] == .p99
                    try draw(hasQuantiles ? quantiles(scenario, file) : bars(scenario, file), file, folder)
                }
            }
        }
    }

    private func draw(_ drawing: Drawing?, _ name: String, _ folder: ResultFolder) throws {
        guard let drawing else { return }
        try folder.write(drawing.table, to: "\(name).dat")
        try folder.write(drawing.script, to: "\(name).gp")
        for terminal in ["svg", "png"] { try gnuplot("\(name).gp", terminal, name, folder) }
    }

    private struct Drawing {
        let table: String
        let script: String
    }

    /// The scenario's first metric, a bar each, and what it is to the ceiling on top.
    private func bars(_ scenario: any Scenario, _ file: String) -> Drawing? {
        let metric = scenario.columns[0]
        let rows = summary.rows(of: scenario).filter { $0.medians[metric] != nil && $0.validRounds > 0 }
        // Of what is zero for all there is nothing to see.
        guard rows.contains(where: { $0.medians[metric] != 0 }) else { return nil }
        let table = rows.enumerated().map { index, row in
            let median = row.medians[metric] ?? 0
            let label = row.ratio.map { "×\($0.fixed(2))" } ?? ""
            let color = color(row.contender)
            return
                "\(index) \"\(mark(row.contender))\" \(median) \(row.lowerQuartile ?? median) \(row.upperQuartile ?? median) "
                + "\"\(label)\" \(color)\n"
        }.joined()
        let mostWords = rows.map { $0.contender.split(separator: " ").count }.max() ?? 1
        // Vectors, because the bars of `yerrorbars` have a white spot at the median.
        let script =
            header(scenario, metric) + """
                set boxwidth 0.6
                set xrange [-0.6:\(Double(rows.count) - 0.4)]
                unset key
                set bmargin \(mostWords + 2)
                plot "\(file).dat" using 1:3:7:xtic(2) with boxes fill solid 0.85 noborder linecolor rgb variable, \\
                     "" using 1:4:(0):($5-$4) with vectors heads size graph 0.005,90 linecolor rgb "#333333" linewidth 1.5, \\
                     "" using 1:5:6 with labels offset 0,0.8 textcolor rgb "#333333"

                """
        return Drawing(table: table, script: script)
    }

    /// A line for each contender, over the number of listeners.
    private func lines(_ group: [any Scenario]) -> Drawing? {
        let metric = group[0].columns[0]
        let names = unique(group.flatMap { summary.rows(of: $0) }.map(\.contender))
        var blocks: [String] = []
        var curves: [String] = []
        for name in names {
            let points = group.compactMap { scenario -> String? in
                guard let row = summary.rows(of: scenario).first(where: { $0.contender == name }),
                    let median = row.medians[metric], row.validRounds > 0
                else { return nil }
                return "\(scenario.listeners) \(median) \(row.lowerQuartile ?? median) \(row.upperQuartile ?? median)"
            }
            guard !points.isEmpty else { continue }
            curves.append(
                "\"\(group[0].name).dat\" index \(blocks.count) using 1:2:3:4 with yerrorlines title \"\(quotable(name))\" "
                    + "linecolor rgb \(color(name)) linewidth 2 pointtype 7 pointsize 0.6"
            )
            blocks.append(points.joined(separator: "\n") + "\n")
        }
        guard !blocks.isEmpty else { return nil }
        let script =
            header(group[0], metric) + """
                set logscale x
                set xlabel "ports listened on"
                set key outside right top
                plot \(curves.joined(separator: ", \\\n     "))

                """
        return Drawing(table: blocks.joined(separator: "\n\n"), script: script)
    }

    /// A line for each contender, from the median to the slowest in ten thousand.
    private func quantiles(_ scenario: any Scenario, _ file: String) -> Drawing? {
        var blocks: [String] = []
        var curves: [String] = []
        var last = 0
        for row in summary.rows(of: scenario) where row.validRounds > 0 {
            let points = Metric.quantiles.enumerated().compactMap { index, quantile in
                row.medians[quantile.0].map { "\(index) \($0)" }
            }
            guard !points.isEmpty else { continue }
            last = max(last, points.count - 1)
            let bound = row.isGeneratorLimited ? ", at most" : ""
            curves.append(
                "\"\(file).dat\" index \(blocks.count) using 1:2 with linespoints title \"\(quotable(row.contender))\(bound)\" "
                    + "linecolor rgb \(color(row.contender)) linewidth 2 pointtype 7 pointsize 0.6"
            )
            blocks.append(points.joined(separator: "\n") + "\n")
        }
        guard !blocks.isEmpty else { return nil }
        let marks = Metric.quantiles.enumerated().map { index, quantile in "\"p\(quantile.1.words)\" \(index)" }
        let script =
            header(scenario, .p99) + """
                set ylabel "µs, median over the rounds"
                unset yrange
                unset offsets
                set logscale y
                set format y "%g"
                set xrange [-0.2:\(Double(last) + 0.2)]
                set xtics (\(marks.joined(separator: ", ")))
                set key outside right top
                plot \(curves.joined(separator: ", \\\n     "))

                """
        return Drawing(table: blocks.joined(separator: "\n\n"), script: script)
    }

    private func header(_ scenario: any Scenario, _ metric: Metric) -> String {
        """
        set encoding utf8
        set title "\(scenario.name): \(scenario.question)\\n\(subtitle)" noenhanced
        set ylabel "\(metric.heading), median and quartiles"
        set yrange [0:*]
        set offsets graph 0, graph 0, graph 0.12, 0
        set grid ytics linecolor rgb "#dddddd"
        set border 3 linecolor rgb "#888888"
        set tics nomirror
        set xtics noenhanced
        set bmargin 4

        """
    }

    /// Each contender has its color in every plot.
    private func color(_ contender: String) -> String {
        switch contender {
        case Contender.ours.name: "0xd9541e"
        case Contender.ceiling: "0x2a6099"
        case Contender.control: "0x86a9cf"
        case Contender.finishing: "0x3f8f8f"
        case Contender.epoll.name: "0x6a8d3a"
        case Contender.epollFinishing.name: "0x7a5230"
        case Contender.blocking.name: "0x999999"
        case Contender.nio.name: "0x8a5a9e"
        case Contender.nioLoops.name: "0xb992c8"
        case Contender.nioBehindOurs.name: "0x5a3a6e"
        default: othersColor(contender)
        }
    }

    /// Of those that are not ours, in the order they were named.
    private func othersColor(_ contender: String) -> String {
        let colors = ["0xc0a030", "0xc2569b", "0x3d3d3d"]
        let others = unique(summary.rows.filter(\.isExternal).map(\.contender))
        return colors[(others.firstIndex(of: contender) ?? 0) % colors.count]
    }

    /// What a bar is marked with: each word of the name on a line, so that neighbors do not run into each other.
    private func mark(_ contender: String) -> String {
        quotable(contender).replacing(" ", with: "\\n")
    }

    /// Without what means something to gnuplot between quotation marks.
    private func quotable(_ name: String) -> String {
        name.filter { !"\"`\\".contains($0) }
    }

    private func gnuplot(_ script: String, _ terminal: String, _ name: String, _ folder: ResultFolder) throws {
        let size = terminal == "svg" ? "900,420 dynamic" : "1350,630"
        let font = terminal == "svg" ? "sans,13" : "sans,15"
        let commands = """
            cd "\(folder.path)"; set terminal \(terminal == "svg" ? "svg" : "pngcairo") size \(size) font "\(font)" background "#ffffff"; \
            set output "\(name).\(terminal)"; load "\(script)"
            """
        try ChildProcess(["gnuplot", "-e", commands]).waitUntilSuccessful()
    }

    private func unique(_ names: [String]) -> [String] {
        var seen: Set<String> = []
        return names.filter { seen.insert($0).inserted }
    }
}

extension Double {
    /// Without a fraction where there is none.
    fileprivate var words: String { self == rounded() ? "\(Int(self))" : "\(self)" }
}
