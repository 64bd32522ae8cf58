/// One thing that a client does.
enum Step {
    case connect
    /// Says so many bytes that mean nothing.
    case say(Int)
    /// Says who it is: eight bytes.
    case sayIdentity
    /// Ends its own side.
    case halfClose
    /// Ends the connection with a reset.
    case reset
    /// Reads its greeting, with its serial number.
    case greeting
    /// Reads this line.
    case line(String)
    /// Reads who it is.
    case hearIdentity
    /// Reads so many further bytes of the payload.
    case payload(Int)
    /// Reads the end of the stream, and nothing else.
    case end
    /// Reads nothing until the server resets the connection.
    case cutOff
    /// Does nothing for that long.
    case pause(Duration)
    /// Does nothing until the crowd is told to go on.
    case wait
}
