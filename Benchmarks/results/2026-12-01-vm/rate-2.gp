set encoding utf8
set title "rate: connect to first byte at a fixed offered rate (open loop), from the schedule\nAMD EPYC, loopback, one CPU for the server, 10 rounds at most" noenhanced
set ylabel "p99 µs, median and quartiles"
set yrange [0:*]
set offsets graph 0, graph 0, graph 0.12, 0
set grid ytics linecolor rgb "#dddddd"
set border 3 linecolor rgb "#888888"
set tics nomirror
set xtics noenhanced
set bmargin 4
set ylabel "µs, median over the rounds"
unset yrange
unset offsets
set logscale y
set format y "%g"
set xrange [-0.2:3.2]
set xtics ("p50" 0, "p90" 1, "p99" 2, "p99.9" 3, "p99.99" 4)
set key outside right top
plot "rate-2.dat" index 0 using 1:2 with linespoints title "ours" linecolor rgb 0xd9541e linewidth 2 pointtype 7 pointsize 0.6, \
     "rate-2.dat" index 1 using 1:2 with linespoints title "ours, embedded" linecolor rgb 0xc0a030 linewidth 2 pointtype 7 pointsize 0.6, \
     "rate-2.dat" index 2 using 1:2 with linespoints title "ours, from C" linecolor rgb 0xc0a030 linewidth 2 pointtype 7 pointsize 0.6, \
     "rate-2.dat" index 3 using 1:2 with linespoints title "ours, on epoll" linecolor rgb 0xc0a030 linewidth 2 pointtype 7 pointsize 0.6, \
     "rate-2.dat" index 4 using 1:2 with linespoints title "ring" linecolor rgb 0x2a6099 linewidth 2 pointtype 7 pointsize 0.6, \
     "rate-2.dat" index 5 using 1:2 with linespoints title "ring, again" linecolor rgb 0x86a9cf linewidth 2 pointtype 7 pointsize 0.6, \
     "rate-2.dat" index 6 using 1:2 with linespoints title "ring, finishing" linecolor rgb 0x3f8f8f linewidth 2 pointtype 7 pointsize 0.6, \
     "rate-2.dat" index 7 using 1:2 with linespoints title "epoll" linecolor rgb 0x6a8d3a linewidth 2 pointtype 7 pointsize 0.6, \
     "rate-2.dat" index 8 using 1:2 with linespoints title "epoll, finishing" linecolor rgb 0x7a5230 linewidth 2 pointtype 7 pointsize 0.6, \
     "rate-2.dat" index 9 using 1:2 with linespoints title "blocking" linecolor rgb 0x999999 linewidth 2 pointtype 7 pointsize 0.6, \
     "rate-2.dat" index 10 using 1:2 with linespoints title "nio" linecolor rgb 0x8a5a9e linewidth 2 pointtype 7 pointsize 0.6, \
     "rate-2.dat" index 11 using 1:2 with linespoints title "nio, a listener a loop" linecolor rgb 0xb992c8 linewidth 2 pointtype 7 pointsize 0.6, \
     "rate-2.dat" index 12 using 1:2 with linespoints title "nio, behind ours" linecolor rgb 0x5a3a6e linewidth 2 pointtype 7 pointsize 0.6
