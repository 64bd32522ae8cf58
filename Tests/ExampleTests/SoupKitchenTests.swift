// soup-kitchen: two kinds of workers, a timer, listeners that come and go, a drain. Time passes when a test says so.

import NBServer
import NBServerTesting
import Testing

@testable import soup_kitchen

@Suite struct SoupKitchenTests {
    private let admin: SocketAddress
    private let door: SocketAddress

    init() throws {
        admin = try SocketAddress("127.0.0.1:7778")
        door = try SocketAddress("127.0.0.1:7779")
    }

    /// A pot of two bowls, every ten seconds.
    private func kitchen(bowls: Int = 2) throws -> TestServer<SoupKitchen> {
        let plan = Plan(note: { _ in }, admin: Endpoint(admin), bowlsInAPot: bowls, timeForAPot: .seconds(10))
        return try TestServer(SoupKitchen(plan))
    }

    @Test func guestsGetBowlsAndWaitForMore() throws {
        let server = try kitchen()
        let (desk, guest) = (server.connect(to: admin), server.connect())
        #expect(guest.receiveText() == "Welcome! Say soup, or bye.\n")
        #expect(guest.ask("soup") == "Here you are: bowl 1.\n")
        #expect(guest.ask("tea\r") == "We have soup.\n")
        #expect(guest.ask("soup\r") == "Here you are: bowl 2.\n")
        #expect(guest.ask("soup") == "No soup for you! Not yet: you are number 1 in the queue.\n")
        let status = """
            bowls    0 left, 2 served, 1 guests wait
            guests   1 now, 2 connections so far
            listener 127.0.0.1:1 accepting
            admin    127.0.0.1:7778 accepting
            trouble  none

            """
        #expect(desk.ask("status") == status)
        #expect(desk.ask("cook 5") == "cooked 5\n")
        #expect(guest.receiveText() == "Here you are: bowl 3.\n")
        #expect(guest.ask("bye") == "Come again!\n")
        #expect(guest.ending == .end)
        #expect(try server.call(SoupKitchen.Call.bowlsServed) == 3)
    }

    @Test func aTimerFillsThePot() throws {
        let server = try kitchen(bowls: 1)
        let guest = server.connect()
        _ = guest.receiveText()
        guest.send("soup\nsoup\nsoup\n")
        let places = (1...2).map { "No soup for you! Not yet: you are number \($0) in the queue.\n" }.joined()
        #expect(guest.receiveText() == "Here you are: bowl 1.\n" + places)
        server.advance(by: .milliseconds(9_999))
        #expect(guest.receiveText() == "")
        server.advance(by: .milliseconds(1))
        #expect(guest.receiveText() == "Here you are: bowl 2.\n")
        server.advance(by: .seconds(10))
        #expect(guest.receiveText() == "Here you are: bowl 3.\n")
    }

    /// The cook is at the terminal.
    @Test func theCookAddsToThePot() throws {
        let server = try kitchen(bowls: 1)
        let guests = (0..<3).map { _ in server.connect() }
        for guest in guests { guest.send("soup\n") }
        try server.cast(.cook(bowls: 10))
        #expect(try server.call(SoupKitchen.Call.bowlsServed) == 3)
        for (number, guest) in guests.enumerated() {
            #expect(guest.receiveText().hasSuffix("Here you are: bowl \(number + 1).\n"))
        }
    }

    /// A guest who has left gets no bowl, and the next has it.
    @Test func whoHasLeftGetsNoBowl() throws {
        let server = try kitchen(bowls: 1)
        let guests = (0..<3).map { _ in server.connect() }
        for guest in guests { guest.send("soup\n") }
        guests[1].reset()
        server.advance(by: .seconds(10))
        #expect(guests[2].receiveText().hasSuffix("Here you are: bowl 2.\n"))
    }

    /// All at once, as from a file, and then the end.
    @Test func commandsAreAnsweredInTheirOrder() throws {
        let server = try kitchen()
        let desk = server.connect(to: admin)
        let unknown = "error: this is no command; help lists those there are\n"
        let answers = "cooked 3\n\(unknown)\(unknown)error: so many cannot be cooked\n\(unknown)"
        #expect(desk.ask("cook 3\nfoo\nstatus now\ncook soup\n\nquit\ncook 3") == answers)
        #expect(desk.ending == .end)
    }

    @Test func listenersComeRestAndGo() throws {
        let server = try kitchen()
        let desk = server.connect(to: admin)
        #expect(desk.ask("listen \(door)") == "listening on \(door)\n")
        let guest = server.connect(to: door)
        #expect(guest.receiveText() == "Welcome! Say soup, or bye.\n")
        #expect(desk.ask("listen \(door)").hasPrefix("error: \(door): listen: this server listens there already"))
        #expect(desk.ask("listen nowhere").hasPrefix("error: nowhere: "))

        #expect(desk.ask("pause \(door)") == "paused \(door)\n")
        let late = server.connect(to: door)
        #expect(late.receiveText() == "")
        #expect(desk.ask("status").contains("listener \(door) paused"))
        #expect(desk.ask("resume \(door)") == "resumed \(door)\n")
        #expect(late.receiveText() == "Welcome! Say soup, or bye.\n")

        #expect(desk.ask("unlisten \(door)") == "not listening on \(door)\n")
        #expect(guest.ask("soup") == "Here you are: bowl 1.\n")
        #expect(server.connect(to: door).ending == .reset)
        #expect(desk.ask("unlisten \(door)") == "error: there is no listener on \(door); status lists them\n")
        #expect(desk.ask("unlisten \(admin)") == "error: this is where you are\n")
    }

    @Test func aDrainServesWhomThereIs() throws {
        let server = try kitchen()
        let (desk, guest) = (server.connect(to: admin), server.connect())
        _ = guest.receiveText()
        #expect(guest.ask("soup") == "Here you are: bowl 1.\n")
        #expect(desk.ask("drain") == "draining\n")
        #expect(guest.receiveText() == "We are closing. Good night!\n")
        for client in [desk, guest] {
            #expect(client.ending == .end)
            client.finish()
        }
        #expect("\(server.end, default: "none")" == "drained")
        #expect(server.openConnections == 0)
    }

    /// What fails is the last trouble that the admin is told of.
    @Test func troubleIsReported() throws {
        let server = try kitchen()
        let desk = server.connect(to: admin)
        server.fail(.accept, with: 24)
        let guest = server.connect()
        #expect(guest.receiveText() == "")
        #expect(desk.ask("status").contains("trouble  127.0.0.1:1: accept: Too many open files (errno 24)"))
        server.advance(by: .milliseconds(250))
        #expect(guest.receiveText() == "Welcome! Say soup, or bye.\n")
    }

    @Test func aGuestWhoTalksTooMuchIsShownOut() throws {
        let server = try kitchen()
        let guest = server.connect()
        guest.send(String(repeating: "?", count: 10_000))
        #expect(guest.receiveText() == "Welcome! Say soup, or bye.\n")
        #expect(guest.ending == .end)
        #expect(server.connect().ask("soup").hasSuffix("Here you are: bowl 1.\n"))
    }

    @Test func aGuestWhoSaysNothingLeavesAfterTenMinutes() throws {
        let server = try kitchen()
        let guest = server.connect()
        server.advance(by: .milliseconds(599_999))
        #expect(guest.ending == nil)
        server.advance(by: .milliseconds(1))
        #expect(guest.ending == .end)
    }
}
