# SPDX-License-Identifier: BSD-2-Clause
#
# Two panels, by program: the time from launch to exit as a part of posix_spawn's, and
# runs per second with 16 in flight as a multiple of those of posix_spawn and epoll.
#
#	gnuplot -e "data='prepared.dat'; out='prepared.svg'; term='svg'" prepared.gp

if (term eq 'svg') set terminal svg size 960,460 font 'sans,13' background 'white'
if (term eq 'png') set terminal pngcairo size 1200,575 font 'sans,12'
set termoption noenhanced
set output out
set datafile separator '\t'

methods = 'template|prepared, once|prepared, fork'
colours = '#9a9a9a #5b8db8 #3a8a4a'
bar(s) = strstrt(s, '|')
head(s) = bar(s) ? s[1 : bar(s) - 1] : s
tail(s) = bar(s) ? s[bar(s) + 1 : *] : ''
field(s, n) = n == 1 ? head(s) : field(tail(s), n - 1)

set style fill solid 0.9 noborder
set border 3 lc rgb '#666666'
set ytics nomirror
set grid ytics lc rgb '#dddddd' lw 0.7
set xtics nomirror scale 0 rotate by -35
unset key

set multiplot
do for [m = 1:3] {
	left = 0.07 + (m - 1) * 0.23
	set object m rectangle from screen left, 0.925 \
		to screen left + 0.015, 0.96 \
		fc rgb word(colours, m) fs solid 0.9 noborder
	set label m field(methods, m) at screen left + 0.022, 0.945
}
set tmargin at screen 0.83
set bmargin at screen 0.25
set lmargin at screen 0.07
set rmargin at screen 0.55
set title 'Launch to exit, one at a time (posix_spawn = 1)' offset 0, -0.4
set ylabel 'less is better' offset 1
width = 0.27
set boxwidth width * 0.92
set xrange [-0.5 : *]
set yrange [0 : 1.3]
plot data index 0 using ($0):(0):xtic(1) with dots lc rgb '#666666', \
     1 with lines lc rgb '#888888' dt 2, \
     for [m = 1:3] data index 0 \
		using ($0 + (m - 2) * width):(column(1 + m)) \
		with boxes lc rgb word(colours, m), \
     for [m = 1:3] data index 0 \
		using ($0 + (m - 2) * width):(column(1 + m)): \
		      (sprintf('%.2f', column(1 + m))) \
		with labels font ',7' offset 0, 0.5

unset object
unset label
set lmargin at screen 0.62
set rmargin at screen 0.97
set title 'Runs per second, 16 in flight (posix_spawn = 1)' offset 0, -0.4
set ylabel 'more is better' offset 1
width = 0.38
set boxwidth width * 0.92
set yrange [0 : *]
plot data index 1 using ($0):(0):xtic(1) with dots lc rgb '#666666', \
     1 with lines lc rgb '#888888' dt 2, \
     for [m = 1:2] data index 1 \
		using ($0 + (m - 1.5) * width):(column(1 + m)) \
		with boxes lc rgb word(colours, 2 * m - 1), \
     for [m = 1:2] data index 1 \
		using ($0 + (m - 1.5) * width):(column(1 + m)): \
		      (sprintf('%.1f', column(1 + m))) \
		with labels font ',8' offset 0, 0.5
unset multiplot
