set encoding utf8
set title "listeners: CPU per connection of a server that listens on many ports, each connection to another\nAMD EPYC, loopback, one CPU for the server, 10 rounds at most" noenhanced
set ylabel "µs CPU/conn, median and quartiles"
set yrange [0:*]
set offsets graph 0, graph 0, graph 0.12, 0
set grid ytics linecolor rgb "#dddddd"
set border 3 linecolor rgb "#888888"
set tics nomirror
set xtics noenhanced
set bmargin 4
set logscale x
set xlabel "ports listened on"
set key outside right top
plot "listeners.dat" index 0 using 1:2:3:4 with yerrorlines title "ours" linecolor rgb 0xd9541e linewidth 2 pointtype 7 pointsize 0.6, \
     "listeners.dat" index 1 using 1:2:3:4 with yerrorlines title "ours, embedded" linecolor rgb 0xc0a030 linewidth 2 pointtype 7 pointsize 0.6, \
     "listeners.dat" index 2 using 1:2:3:4 with yerrorlines title "ours, from C" linecolor rgb 0xc0a030 linewidth 2 pointtype 7 pointsize 0.6, \
     "listeners.dat" index 3 using 1:2:3:4 with yerrorlines title "ours, on epoll" linecolor rgb 0xc0a030 linewidth 2 pointtype 7 pointsize 0.6, \
     "listeners.dat" index 4 using 1:2:3:4 with yerrorlines title "ring" linecolor rgb 0x2a6099 linewidth 2 pointtype 7 pointsize 0.6, \
     "listeners.dat" index 5 using 1:2:3:4 with yerrorlines title "ring, again" linecolor rgb 0x86a9cf linewidth 2 pointtype 7 pointsize 0.6, \
     "listeners.dat" index 6 using 1:2:3:4 with yerrorlines title "ring, finishing" linecolor rgb 0x3f8f8f linewidth 2 pointtype 7 pointsize 0.6, \
     "listeners.dat" index 7 using 1:2:3:4 with yerrorlines title "epoll" linecolor rgb 0x6a8d3a linewidth 2 pointtype 7 pointsize 0.6, \
     "listeners.dat" index 8 using 1:2:3:4 with yerrorlines title "epoll, finishing" linecolor rgb 0x7a5230 linewidth 2 pointtype 7 pointsize 0.6, \
     "listeners.dat" index 9 using 1:2:3:4 with yerrorlines title "blocking" linecolor rgb 0x999999 linewidth 2 pointtype 7 pointsize 0.6, \
     "listeners.dat" index 10 using 1:2:3:4 with yerrorlines title "nio" linecolor rgb 0x8a5a9e linewidth 2 pointtype 7 pointsize 0.6, \
     "listeners.dat" index 11 using 1:2:3:4 with yerrorlines title "nio, a listener a loop" linecolor rgb 0xb992c8 linewidth 2 pointtype 7 pointsize 0.6, \
     "listeners.dat" index 12 using 1:2:3:4 with yerrorlines title "nio, behind ours" linecolor rgb 0x5a3a6e linewidth 2 pointtype 7 pointsize 0.6
