/// What a history plays that is nobody's fault: what senders, the behavior and operators do.
enum Deed: Int, CaseIterable {
    // What calls come to.
    case answer, laterAnswer, answerInTerminate, answerAfterTheEnd, unansweredCall, stoppedCall, abandonedCall
    /// An answer is given while nothing is called back: when a descriptor is handed out.
    case answerBetweenCallbacks
    case cast
    /// A message finds the mailbox full.
    case refusedMessage
    /// A message comes when the server has stopped.
    case lateMessage
    /// A message comes after the loop has looked for messages and before it waits.
    case messageAfterTheLook
    case look, suspension, resumption, signal
    /// A server that waits for its connections to end is to wait no longer.
    case stopAtOnce, secondStopSignal

    case timer, cancelledTimer, timeout, continuation

    case addedListener, refusedListener, removedListener, pausedListener, unpausedListener
    /// An address is listened on again after its listener was removed.
    case usedAddressAgain
    /// Somebody outside is told that a listener is gone.
    case answeredRemover
    case unknownListener
    /// A listener leaves with those of other loops: its queue, in which clients waited, is served; it does not accept, and is not waited
    /// for; the caller has no patience until all are served; the listeners of all loops are closed.
    case servedQueue, unservedQueue, hastyDeparture, departed
    /// A connection waits at a limit; one is reset there; limits are changed.
    case waitedAtLimit, resetAtLimit, changedLimits
    /// Permits come for a loop at whose limit connections wait.
    case wokenAtLimit
    /// A connection is reset because its source has enough, or is denied.
    case resetForItsSource, denied
    /// A server drains, with those who wait or without; and has ended before its time was up.
    case drainServing, drainLeaving, drained

    /// A connection is given to a worker: a new one, one that came from elsewhere, one that the server has kept.
    case workerOfNew, workerOfAdopted, workerOfKept
    case worker, received, receivedExactly, writable, sent, inputEnded, idleTimeLimit, receiveTimeLimit, sendTimeLimit
    /// Several connections ended together.
    case endedTogether
    /// Bytes were sent at once: all of them, or some; all of them when they were submitted.
    case sentAtOnce, sentTooLittleAtOnce, sentBeforeEntering
    /// A client ends its side in the middle of a line, which is delivered; or of another frame, which is not.
    case unterminatedLine, peerClosedInFrame
    case workerMessage, workerFinish
    /// What a worker awaited has come; the behavior wants to hear of its end, or wanted to too late.
    case workerRun, watch, lateWatch
    /// Somebody means a worker that has ended.
    case unknownWorker
    /// A worker throws; or the behavior does, having given it a connection.
    case throwAfterAssignment
    case detachedUnread, adoption, refusedAdoption
    /// A connection that was to be detached ends instead; a kept one is lost because its peer has ended its side.
    case failedDetachment, lostPeer
    /// A descriptor is taken of a connection of which nothing was asked.
    case takenDescriptor
    // What workers come to.
    case closedWorker, resetWorker, detachedWorker, failedWorker, lostWorker, tooLongFrame, tooLongQueue, expiredWorker
    case stoppedWorker, cutWorker
}
