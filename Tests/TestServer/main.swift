// A process with servers in it, for tests that watch a process from outside. It does what it reads on standard input, one
// command a line, and answers with the lines that are described at `Command`. It ends when there is nothing more to read.

@preconcurrency import Glibc

if CommandLine.arguments.dropFirst().first == ChildProcess.role { ChildProcess.play() }
if CommandLine.arguments.dropFirst().first == FilteredProgram.role {
    FilteredProgram.become(Array(CommandLine.arguments.dropFirst(2)))
}
setvbuf(stdout, nil, _IOLBF, 0)
let host = Host()
while let line = readLine() {
    guard let command = Command(line) else {
        print("not a command: \(line)")
        exit(2)
    }
    host.obey(command)
}
