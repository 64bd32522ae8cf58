// server PORT banner|turnaround: Go's net package, a goroutine per connection, for --external.
package main

import (
	"fmt"
	"net"
	"os"
)

const banner = "No soup for you!\n"
const response = "HTTP/1.0 200 OK\r\nContent-Length: 17\r\nConnection: close\r\n\r\n" + banner

func serve(connection net.Conn, work string) {
	defer connection.Close()
	if work == "banner" {
		connection.Write([]byte(banner))
		return
	}
	request := make([]byte, 512)
	if count, _ := connection.Read(request); count > 0 {
		connection.Write([]byte(response))
	}
}

func fail(what any) {
	fmt.Fprintln(os.Stderr, "server:", what)
	os.Exit(2)
}

func main() {
	if len(os.Args) != 3 || os.Args[2] != "banner" && os.Args[2] != "turnaround" {
		fail("usage: server PORT banner|turnaround")
	}
	// Its backlog is the longest that the kernel allows.
	listener, err := net.Listen("tcp4", "127.0.0.1:"+os.Args[1])
	if err != nil {
		fail(err)
	}
	for {
		connection, err := listener.Accept()
		if err != nil {
			fail(err)
		}
		go serve(connection, os.Args[2])
	}
}
