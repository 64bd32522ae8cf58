/// Which control groups this process is in, and where their files are. `/proc/self/cgroup`, `/proc/self/mountinfo`,
/// `cgroups(7)`. A value.
struct ControlGroupMembership {
    private let groups: SystemText
    private let mounts: SystemText

    init(groups: SystemText, mounts: SystemText) {
        self.groups = groups
        self.mounts = mounts
    }

    private struct Mount {
        /// The group that is seen at the mount point.
        let root: Substring
        let point: Substring
    }

    /// The least limit of a controller in the process's group and those above it. `limit` is told a group's folder and the version of
    /// its files, and returns that group's limit, if it has one.
    func least<Limit: Comparable>(
        _ controller: String,
        _ limit: (_ folder: String, _ version: Int) throws(Unknown) -> Limit?
    ) -> Result<Limit?, Unknown> {
        do throws(Unknown) {
            let (folders, version) = try folders(controller)
            var least: Limit?
            for folder in folders {
                guard let limit = try limit(folder, version) else { continue }
                least = min(least ?? limit, limit)
            }
            return .success(least)
        } catch {
            return .failure(error)
        }
    }

    /// The folders of the process's group and of those above it. A controller belongs to one of the two versions.
    private func folders(_ controller: String) throws(Unknown) -> (folders: [String], version: Int) {
        let groups = try groups.known(as: "/proc/self/cgroup").split(separator: "\n")
        let mounts = try mounts.known(as: "/proc/self/mountinfo").split(separator: "\n")
        for version in [1, 2] {
            guard let group = groups.firstMap({ Self.path($0, controller, version) }) else { continue }
            guard let mount = mounts.firstMap({ Self.mount($0, controller, version) }) else { continue }
            return (try Self.folders(of: group, under: mount), version)
        }
        throw Unknown("no control group of \(controller) is mounted")
    }

    /// The path in a line such as `4:memory:/path`, or `0::/path` in version 2.
    private static func path(_ line: Substring, _ controller: String, _ version: Int) -> Substring? {
        let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
        guard fields.count == 3 else { return nil }
        let isIt =
            version == 2
            ? fields[0] == "0" && fields[1] == "" : fields[1].split(separator: ",").contains { $0 == controller }
        return isIt ? fields[2] : nil
    }

    /// The mount in a line such as `36 35 98:0 /root /point rw - cgroup source rw,memory`.
    private static func mount(_ line: Substring, _ controller: String, _ version: Int) -> Mount? {
        let fields = line.split(separator: " ")
        guard let dash = fields.firstIndex(of: "-"), dash >= 6, fields.count > dash + 3 else { return nil }
        let isIt =
            version == 2
            ? fields[dash + 1] == "cgroup2"
            : fields[dash + 1] == "cgroup" && fields[dash + 3].split(separator: ",").contains { $0 == controller }
        return isIt ? Mount(root: fields[3], point: fields[4]) : nil
    }

    private static func folders(of group: Substring, under mount: Mount) throws(Unknown) -> [String] {
        guard !group.hasPrefix("/..") else {
            throw Unknown("the control group \(group) lies outside of what is mounted here")
        }
        var names = group.split(separator: "/")
        let root = mount.root.split(separator: "/")
        // Where only a part is mounted, it is the container's, and the path may be the host's.
        names = names.starts(with: root) ? Array(names.dropFirst(root.count)) : []
        return (0...names.count).map { count in
            names.prefix(count).reduce(String(mount.point)) { "\($0)/\($1)" }
        }
    }
}

extension Sequence {
    /// What the first element comes to that comes to something.
    fileprivate func firstMap<Result>(_ transform: (Element) -> Result?) -> Result? {
        for element in self {
            if let result = transform(element) { return result }
        }
        return nil
    }
}
