// Loads an object as any program with github.com/cilium/ebpf may, without sklc: by_ebpf OBJECT NETNS SLOT=FD... puts the
// sockets of these descriptors into slots, attaches the program, says so, and holds it until its input ends.
package main

import (
	"fmt"
	"io"
	"log"
	"os"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
)

func main() {
	spec, err := ebpf.LoadCollectionSpec(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	// Older versions do not know the section's name, which is libbpf's.
	spec.Programs["sklc"].Type = ebpf.SkLookup
	spec.Programs["sklc"].AttachType = ebpf.AttachSkLookup
	collection, err := ebpf.NewCollection(spec)
	if err != nil {
		log.Fatal(err)
	}
	for _, words := range os.Args[3:] {
		var slot uint32
		var socket uint64
		if _, err := fmt.Sscanf(words, "%d=%d", &slot, &socket); err != nil {
			log.Fatal(err)
		}
		if err := collection.Maps["sockets"].Put(slot, socket); err != nil {
			log.Fatal(err)
		}
	}
	netns, err := os.Open(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	attached, err := link.AttachNetNs(int(netns.Fd()), collection.Programs["sklc"])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("attached")
	io.Copy(io.Discard, os.Stdin)
	attached.Close()
}
