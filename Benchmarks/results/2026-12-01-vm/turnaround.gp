set encoding utf8
set title "turnaround: connect, request, response, end, many at a time (closed loop)\nAMD EPYC, loopback, one CPU for the server, 10 rounds at most" noenhanced
set ylabel "µs CPU/conn, median and quartiles"
set yrange [0:*]
set offsets graph 0, graph 0, graph 0.12, 0
set grid ytics linecolor rgb "#dddddd"
set border 3 linecolor rgb "#888888"
set tics nomirror
set xtics noenhanced
set bmargin 4
set boxwidth 0.6
set xrange [-0.6:12.6]
unset key
set bmargin 7
plot "turnaround.dat" using 1:3:7:xtic(2) with boxes fill solid 0.85 noborder linecolor rgb variable, \
     "" using 1:4:(0):($5-$4) with vectors heads size graph 0.005,90 linecolor rgb "#333333" linewidth 1.5, \
     "" using 1:5:6 with labels offset 0,0.8 textcolor rgb "#333333"
