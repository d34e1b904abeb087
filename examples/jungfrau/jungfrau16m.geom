; Jungfrau 16M of 32 modules, nominal, written by make_geometry.py
clen = 0.2 m
photon_energy = 9500 eV
res = 13333.3333333333
data = /entry/data/data
dim0 = %
dim2 = ss
dim3 = fs
fs = -x
ss = -y
rigid_group_p0 = p0a0,p0a1,p0a2,p0a3,p0a4,p0a5,p0a6,p0a7
rigid_group_p1 = p1a0,p1a1,p1a2,p1a3,p1a4,p1a5,p1a6,p1a7
rigid_group_p2 = p2a0,p2a1,p2a2,p2a3,p2a4,p2a5,p2a6,p2a7
rigid_group_p3 = p3a0,p3a1,p3a2,p3a3,p3a4,p3a5,p3a6,p3a7
rigid_group_p4 = p4a0,p4a1,p4a2,p4a3,p4a4,p4a5,p4a6,p4a7
rigid_group_p5 = p5a0,p5a1,p5a2,p5a3,p5a4,p5a5,p5a6,p5a7
rigid_group_p6 = p6a0,p6a1,p6a2,p6a3,p6a4,p6a5,p6a6,p6a7
rigid_group_p7 = p7a0,p7a1,p7a2,p7a3,p7a4,p7a5,p7a6,p7a7
rigid_group_p8 = p8a0,p8a1,p8a2,p8a3,p8a4,p8a5,p8a6,p8a7
rigid_group_p9 = p9a0,p9a1,p9a2,p9a3,p9a4,p9a5,p9a6,p9a7
rigid_group_p10 = p10a0,p10a1,p10a2,p10a3,p10a4,p10a5,p10a6,p10a7
rigid_group_p11 = p11a0,p11a1,p11a2,p11a3,p11a4,p11a5,p11a6,p11a7
rigid_group_p12 = p12a0,p12a1,p12a2,p12a3,p12a4,p12a5,p12a6,p12a7
rigid_group_p13 = p13a0,p13a1,p13a2,p13a3,p13a4,p13a5,p13a6,p13a7
rigid_group_p14 = p14a0,p14a1,p14a2,p14a3,p14a4,p14a5,p14a6,p14a7
rigid_group_p15 = p15a0,p15a1,p15a2,p15a3,p15a4,p15a5,p15a6,p15a7
rigid_group_p16 = p16a0,p16a1,p16a2,p16a3,p16a4,p16a5,p16a6,p16a7
rigid_group_p17 = p17a0,p17a1,p17a2,p17a3,p17a4,p17a5,p17a6,p17a7
rigid_group_p18 = p18a0,p18a1,p18a2,p18a3,p18a4,p18a5,p18a6,p18a7
rigid_group_p19 = p19a0,p19a1,p19a2,p19a3,p19a4,p19a5,p19a6,p19a7
rigid_group_p20 = p20a0,p20a1,p20a2,p20a3,p20a4,p20a5,p20a6,p20a7
rigid_group_p21 = p21a0,p21a1,p21a2,p21a3,p21a4,p21a5,p21a6,p21a7
rigid_group_p22 = p22a0,p22a1,p22a2,p22a3,p22a4,p22a5,p22a6,p22a7
rigid_group_p23 = p23a0,p23a1,p23a2,p23a3,p23a4,p23a5,p23a6,p23a7
rigid_group_p24 = p24a0,p24a1,p24a2,p24a3,p24a4,p24a5,p24a6,p24a7
rigid_group_p25 = p25a0,p25a1,p25a2,p25a3,p25a4,p25a5,p25a6,p25a7
rigid_group_p26 = p26a0,p26a1,p26a2,p26a3,p26a4,p26a5,p26a6,p26a7
rigid_group_p27 = p27a0,p27a1,p27a2,p27a3,p27a4,p27a5,p27a6,p27a7
rigid_group_p28 = p28a0,p28a1,p28a2,p28a3,p28a4,p28a5,p28a6,p28a7
rigid_group_p29 = p29a0,p29a1,p29a2,p29a3,p29a4,p29a5,p29a6,p29a7
rigid_group_p30 = p30a0,p30a1,p30a2,p30a3,p30a4,p30a5,p30a6,p30a7
rigid_group_p31 = p31a0,p31a1,p31a2,p31a3,p31a4,p31a5,p31a6,p31a7
rigid_group_collection_modules = p0,p1,p2,p3,p4,p5,p6,p7,p8,p9,p10,p11,p12,p13,p14,p15,p16,p17,p18,p19,p20,p21,p22,p23,p24,p25,p26,p27,p28,p29,p30,p31

p0a0/dim1 = 0
p0a0/min_fs = 1
p0a0/max_fs = 254
p0a0/min_ss = 1
p0a0/max_ss = 254
p0a0/corner_x = 2035.000000
p0a0/corner_y = 2215.000000

p0a1/dim1 = 0
p0a1/min_fs = 257
p0a1/max_fs = 510
p0a1/min_ss = 1
p0a1/max_ss = 254
p0a1/corner_x = 1777.000000
p0a1/corner_y = 2215.000000

p0a2/dim1 = 0
p0a2/min_fs = 513
p0a2/max_fs = 766
p0a2/min_ss = 1
p0a2/max_ss = 254
p0a2/corner_x = 1519.000000
p0a2/corner_y = 2215.000000

p0a3/dim1 = 0
p0a3/min_fs = 769
p0a3/max_fs = 1022
p0a3/min_ss = 1
p0a3/max_ss = 254
p0a3/corner_x = 1261.000000
p0a3/corner_y = 2215.000000

p0a4/dim1 = 0
p0a4/min_fs = 1
p0a4/max_fs = 254
p0a4/min_ss = 257
p0a4/max_ss = 510
p0a4/corner_x = 2035.000000
p0a4/corner_y = 1957.000000

p0a5/dim1 = 0
p0a5/min_fs = 257
p0a5/max_fs = 510
p0a5/min_ss = 257
p0a5/max_ss = 510
p0a5/corner_x = 1777.000000
p0a5/corner_y = 1957.000000

p0a6/dim1 = 0
p0a6/min_fs = 513
p0a6/max_fs = 766
p0a6/min_ss = 257
p0a6/max_ss = 510
p0a6/corner_x = 1519.000000
p0a6/corner_y = 1957.000000

p0a7/dim1 = 0
p0a7/min_fs = 769
p0a7/max_fs = 1022
p0a7/min_ss = 257
p0a7/max_ss = 510
p0a7/corner_x = 1261.000000
p0a7/corner_y = 1957.000000

p1a0/dim1 = 1
p1a0/min_fs = 1
p1a0/max_fs = 254
p1a0/min_ss = 1
p1a0/max_ss = 254
p1a0/corner_x = 997.000000
p1a0/corner_y = 2215.000000

p1a1/dim1 = 1
p1a1/min_fs = 257
p1a1/max_fs = 510
p1a1/min_ss = 1
p1a1/max_ss = 254
p1a1/corner_x = 739.000000
p1a1/corner_y = 2215.000000

p1a2/dim1 = 1
p1a2/min_fs = 513
p1a2/max_fs = 766
p1a2/min_ss = 1
p1a2/max_ss = 254
p1a2/corner_x = 481.000000
p1a2/corner_y = 2215.000000

p1a3/dim1 = 1
p1a3/min_fs = 769
p1a3/max_fs = 1022
p1a3/min_ss = 1
p1a3/max_ss = 254
p1a3/corner_x = 223.000000
p1a3/corner_y = 2215.000000

p1a4/dim1 = 1
p1a4/min_fs = 1
p1a4/max_fs = 254
p1a4/min_ss = 257
p1a4/max_ss = 510
p1a4/corner_x = 997.000000
p1a4/corner_y = 1957.000000

p1a5/dim1 = 1
p1a5/min_fs = 257
p1a5/max_fs = 510
p1a5/min_ss = 257
p1a5/max_ss = 510
p1a5/corner_x = 739.000000
p1a5/corner_y = 1957.000000

p1a6/dim1 = 1
p1a6/min_fs = 513
p1a6/max_fs = 766
p1a6/min_ss = 257
p1a6/max_ss = 510
p1a6/corner_x = 481.000000
p1a6/corner_y = 1957.000000

p1a7/dim1 = 1
p1a7/min_fs = 769
p1a7/max_fs = 1022
p1a7/min_ss = 257
p1a7/max_ss = 510
p1a7/corner_x = 223.000000
p1a7/corner_y = 1957.000000

p2a0/dim1 = 2
p2a0/min_fs = 1
p2a0/max_fs = 254
p2a0/min_ss = 1
p2a0/max_ss = 254
p2a0/corner_x = -41.000000
p2a0/corner_y = 2147.000000

p2a1/dim1 = 2
p2a1/min_fs = 257
p2a1/max_fs = 510
p2a1/min_ss = 1
p2a1/max_ss = 254
p2a1/corner_x = -299.000000
p2a1/corner_y = 2147.000000

p2a2/dim1 = 2
p2a2/min_fs = 513
p2a2/max_fs = 766
p2a2/min_ss = 1
p2a2/max_ss = 254
p2a2/corner_x = -557.000000
p2a2/corner_y = 2147.000000

p2a3/dim1 = 2
p2a3/min_fs = 769
p2a3/max_fs = 1022
p2a3/min_ss = 1
p2a3/max_ss = 254
p2a3/corner_x = -815.000000
p2a3/corner_y = 2147.000000

p2a4/dim1 = 2
p2a4/min_fs = 1
p2a4/max_fs = 254
p2a4/min_ss = 257
p2a4/max_ss = 510
p2a4/corner_x = -41.000000
p2a4/corner_y = 1889.000000

p2a5/dim1 = 2
p2a5/min_fs = 257
p2a5/max_fs = 510
p2a5/min_ss = 257
p2a5/max_ss = 510
p2a5/corner_x = -299.000000
p2a5/corner_y = 1889.000000

p2a6/dim1 = 2
p2a6/min_fs = 513
p2a6/max_fs = 766
p2a6/min_ss = 257
p2a6/max_ss = 510
p2a6/corner_x = -557.000000
p2a6/corner_y = 1889.000000

p2a7/dim1 = 2
p2a7/min_fs = 769
p2a7/max_fs = 1022
p2a7/min_ss = 257
p2a7/max_ss = 510
p2a7/corner_x = -815.000000
p2a7/corner_y = 1889.000000

p3a0/dim1 = 3
p3a0/min_fs = 1
p3a0/max_fs = 254
p3a0/min_ss = 1
p3a0/max_ss = 254
p3a0/corner_x = -1079.000000
p3a0/corner_y = 2147.000000

p3a1/dim1 = 3
p3a1/min_fs = 257
p3a1/max_fs = 510
p3a1/min_ss = 1
p3a1/max_ss = 254
p3a1/corner_x = -1337.000000
p3a1/corner_y = 2147.000000

p3a2/dim1 = 3
p3a2/min_fs = 513
p3a2/max_fs = 766
p3a2/min_ss = 1
p3a2/max_ss = 254
p3a2/corner_x = -1595.000000
p3a2/corner_y = 2147.000000

p3a3/dim1 = 3
p3a3/min_fs = 769
p3a3/max_fs = 1022
p3a3/min_ss = 1
p3a3/max_ss = 254
p3a3/corner_x = -1853.000000
p3a3/corner_y = 2147.000000

p3a4/dim1 = 3
p3a4/min_fs = 1
p3a4/max_fs = 254
p3a4/min_ss = 257
p3a4/max_ss = 510
p3a4/corner_x = -1079.000000
p3a4/corner_y = 1889.000000

p3a5/dim1 = 3
p3a5/min_fs = 257
p3a5/max_fs = 510
p3a5/min_ss = 257
p3a5/max_ss = 510
p3a5/corner_x = -1337.000000
p3a5/corner_y = 1889.000000

p3a6/dim1 = 3
p3a6/min_fs = 513
p3a6/max_fs = 766
p3a6/min_ss = 257
p3a6/max_ss = 510
p3a6/corner_x = -1595.000000
p3a6/corner_y = 1889.000000

p3a7/dim1 = 3
p3a7/min_fs = 769
p3a7/max_fs = 1022
p3a7/min_ss = 257
p3a7/max_ss = 510
p3a7/corner_x = -1853.000000
p3a7/corner_y = 1889.000000

p4a0/dim1 = 4
p4a0/min_fs = 1
p4a0/max_fs = 254
p4a0/min_ss = 1
p4a0/max_ss = 254
p4a0/corner_x = 2035.000000
p4a0/corner_y = 1665.000000

p4a1/dim1 = 4
p4a1/min_fs = 257
p4a1/max_fs = 510
p4a1/min_ss = 1
p4a1/max_ss = 254
p4a1/corner_x = 1777.000000
p4a1/corner_y = 1665.000000

p4a2/dim1 = 4
p4a2/min_fs = 513
p4a2/max_fs = 766
p4a2/min_ss = 1
p4a2/max_ss = 254
p4a2/corner_x = 1519.000000
p4a2/corner_y = 1665.000000

p4a3/dim1 = 4
p4a3/min_fs = 769
p4a3/max_fs = 1022
p4a3/min_ss = 1
p4a3/max_ss = 254
p4a3/corner_x = 1261.000000
p4a3/corner_y = 1665.000000

p4a4/dim1 = 4
p4a4/min_fs = 1
p4a4/max_fs = 254
p4a4/min_ss = 257
p4a4/max_ss = 510
p4a4/corner_x = 2035.000000
p4a4/corner_y = 1407.000000

p4a5/dim1 = 4
p4a5/min_fs = 257
p4a5/max_fs = 510
p4a5/min_ss = 257
p4a5/max_ss = 510
p4a5/corner_x = 1777.000000
p4a5/corner_y = 1407.000000

p4a6/dim1 = 4
p4a6/min_fs = 513
p4a6/max_fs = 766
p4a6/min_ss = 257
p4a6/max_ss = 510
p4a6/corner_x = 1519.000000
p4a6/corner_y = 1407.000000

p4a7/dim1 = 4
p4a7/min_fs = 769
p4a7/max_fs = 1022
p4a7/min_ss = 257
p4a7/max_ss = 510
p4a7/corner_x = 1261.000000
p4a7/corner_y = 1407.000000

p5a0/dim1 = 5
p5a0/min_fs = 1
p5a0/max_fs = 254
p5a0/min_ss = 1
p5a0/max_ss = 254
p5a0/corner_x = 997.000000
p5a0/corner_y = 1665.000000

p5a1/dim1 = 5
p5a1/min_fs = 257
p5a1/max_fs = 510
p5a1/min_ss = 1
p5a1/max_ss = 254
p5a1/corner_x = 739.000000
p5a1/corner_y = 1665.000000

p5a2/dim1 = 5
p5a2/min_fs = 513
p5a2/max_fs = 766
p5a2/min_ss = 1
p5a2/max_ss = 254
p5a2/corner_x = 481.000000
p5a2/corner_y = 1665.000000

p5a3/dim1 = 5
p5a3/min_fs = 769
p5a3/max_fs = 1022
p5a3/min_ss = 1
p5a3/max_ss = 254
p5a3/corner_x = 223.000000
p5a3/corner_y = 1665.000000

p5a4/dim1 = 5
p5a4/min_fs = 1
p5a4/max_fs = 254
p5a4/min_ss = 257
p5a4/max_ss = 510
p5a4/corner_x = 997.000000
p5a4/corner_y = 1407.000000

p5a5/dim1 = 5
p5a5/min_fs = 257
p5a5/max_fs = 510
p5a5/min_ss = 257
p5a5/max_ss = 510
p5a5/corner_x = 739.000000
p5a5/corner_y = 1407.000000

p5a6/dim1 = 5
p5a6/min_fs = 513
p5a6/max_fs = 766
p5a6/min_ss = 257
p5a6/max_ss = 510
p5a6/corner_x = 481.000000
p5a6/corner_y = 1407.000000

p5a7/dim1 = 5
p5a7/min_fs = 769
p5a7/max_fs = 1022
p5a7/min_ss = 257
p5a7/max_ss = 510
p5a7/corner_x = 223.000000
p5a7/corner_y = 1407.000000

p6a0/dim1 = 6
p6a0/min_fs = 1
p6a0/max_fs = 254
p6a0/min_ss = 1
p6a0/max_ss = 254
p6a0/corner_x = -41.000000
p6a0/corner_y = 1597.000000

p6a1/dim1 = 6
p6a1/min_fs = 257
p6a1/max_fs = 510
p6a1/min_ss = 1
p6a1/max_ss = 254
p6a1/corner_x = -299.000000
p6a1/corner_y = 1597.000000

p6a2/dim1 = 6
p6a2/min_fs = 513
p6a2/max_fs = 766
p6a2/min_ss = 1
p6a2/max_ss = 254
p6a2/corner_x = -557.000000
p6a2/corner_y = 1597.000000

p6a3/dim1 = 6
p6a3/min_fs = 769
p6a3/max_fs = 1022
p6a3/min_ss = 1
p6a3/max_ss = 254
p6a3/corner_x = -815.000000
p6a3/corner_y = 1597.000000

p6a4/dim1 = 6
p6a4/min_fs = 1
p6a4/max_fs = 254
p6a4/min_ss = 257
p6a4/max_ss = 510
p6a4/corner_x = -41.000000
p6a4/corner_y = 1339.000000

p6a5/dim1 = 6
p6a5/min_fs = 257
p6a5/max_fs = 510
p6a5/min_ss = 257
p6a5/max_ss = 510
p6a5/corner_x = -299.000000
p6a5/corner_y = 1339.000000

p6a6/dim1 = 6
p6a6/min_fs = 513
p6a6/max_fs = 766
p6a6/min_ss = 257
p6a6/max_ss = 510
p6a6/corner_x = -557.000000
p6a6/corner_y = 1339.000000

p6a7/dim1 = 6
p6a7/min_fs = 769
p6a7/max_fs = 1022
p6a7/min_ss = 257
p6a7/max_ss = 510
p6a7/corner_x = -815.000000
p6a7/corner_y = 1339.000000

p7a0/dim1 = 7
p7a0/min_fs = 1
p7a0/max_fs = 254
p7a0/min_ss = 1
p7a0/max_ss = 254
p7a0/corner_x = -1079.000000
p7a0/corner_y = 1597.000000

p7a1/dim1 = 7
p7a1/min_fs = 257
p7a1/max_fs = 510
p7a1/min_ss = 1
p7a1/max_ss = 254
p7a1/corner_x = -1337.000000
p7a1/corner_y = 1597.000000

p7a2/dim1 = 7
p7a2/min_fs = 513
p7a2/max_fs = 766
p7a2/min_ss = 1
p7a2/max_ss = 254
p7a2/corner_x = -1595.000000
p7a2/corner_y = 1597.000000

p7a3/dim1 = 7
p7a3/min_fs = 769
p7a3/max_fs = 1022
p7a3/min_ss = 1
p7a3/max_ss = 254
p7a3/corner_x = -1853.000000
p7a3/corner_y = 1597.000000

p7a4/dim1 = 7
p7a4/min_fs = 1
p7a4/max_fs = 254
p7a4/min_ss = 257
p7a4/max_ss = 510
p7a4/corner_x = -1079.000000
p7a4/corner_y = 1339.000000

p7a5/dim1 = 7
p7a5/min_fs = 257
p7a5/max_fs = 510
p7a5/min_ss = 257
p7a5/max_ss = 510
p7a5/corner_x = -1337.000000
p7a5/corner_y = 1339.000000

p7a6/dim1 = 7
p7a6/min_fs = 513
p7a6/max_fs = 766
p7a6/min_ss = 257
p7a6/max_ss = 510
p7a6/corner_x = -1595.000000
p7a6/corner_y = 1339.000000

p7a7/dim1 = 7
p7a7/min_fs = 769
p7a7/max_fs = 1022
p7a7/min_ss = 257
p7a7/max_ss = 510
p7a7/corner_x = -1853.000000
p7a7/corner_y = 1339.000000

p8a0/dim1 = 8
p8a0/min_fs = 1
p8a0/max_fs = 254
p8a0/min_ss = 1
p8a0/max_ss = 254
p8a0/corner_x = 2035.000000
p8a0/corner_y = 1115.000000

p8a1/dim1 = 8
p8a1/min_fs = 257
p8a1/max_fs = 510
p8a1/min_ss = 1
p8a1/max_ss = 254
p8a1/corner_x = 1777.000000
p8a1/corner_y = 1115.000000

p8a2/dim1 = 8
p8a2/min_fs = 513
p8a2/max_fs = 766
p8a2/min_ss = 1
p8a2/max_ss = 254
p8a2/corner_x = 1519.000000
p8a2/corner_y = 1115.000000

p8a3/dim1 = 8
p8a3/min_fs = 769
p8a3/max_fs = 1022
p8a3/min_ss = 1
p8a3/max_ss = 254
p8a3/corner_x = 1261.000000
p8a3/corner_y = 1115.000000

p8a4/dim1 = 8
p8a4/min_fs = 1
p8a4/max_fs = 254
p8a4/min_ss = 257
p8a4/max_ss = 510
p8a4/corner_x = 2035.000000
p8a4/corner_y = 857.000000

p8a5/dim1 = 8
p8a5/min_fs = 257
p8a5/max_fs = 510
p8a5/min_ss = 257
p8a5/max_ss = 510
p8a5/corner_x = 1777.000000
p8a5/corner_y = 857.000000

p8a6/dim1 = 8
p8a6/min_fs = 513
p8a6/max_fs = 766
p8a6/min_ss = 257
p8a6/max_ss = 510
p8a6/corner_x = 1519.000000
p8a6/corner_y = 857.000000

p8a7/dim1 = 8
p8a7/min_fs = 769
p8a7/max_fs = 1022
p8a7/min_ss = 257
p8a7/max_ss = 510
p8a7/corner_x = 1261.000000
p8a7/corner_y = 857.000000

p9a0/dim1 = 9
p9a0/min_fs = 1
p9a0/max_fs = 254
p9a0/min_ss = 1
p9a0/max_ss = 254
p9a0/corner_x = 997.000000
p9a0/corner_y = 1115.000000

p9a1/dim1 = 9
p9a1/min_fs = 257
p9a1/max_fs = 510
p9a1/min_ss = 1
p9a1/max_ss = 254
p9a1/corner_x = 739.000000
p9a1/corner_y = 1115.000000

p9a2/dim1 = 9
p9a2/min_fs = 513
p9a2/max_fs = 766
p9a2/min_ss = 1
p9a2/max_ss = 254
p9a2/corner_x = 481.000000
p9a2/corner_y = 1115.000000

p9a3/dim1 = 9
p9a3/min_fs = 769
p9a3/max_fs = 1022
p9a3/min_ss = 1
p9a3/max_ss = 254
p9a3/corner_x = 223.000000
p9a3/corner_y = 1115.000000

p9a4/dim1 = 9
p9a4/min_fs = 1
p9a4/max_fs = 254
p9a4/min_ss = 257
p9a4/max_ss = 510
p9a4/corner_x = 997.000000
p9a4/corner_y = 857.000000

p9a5/dim1 = 9
p9a5/min_fs = 257
p9a5/max_fs = 510
p9a5/min_ss = 257
p9a5/max_ss = 510
p9a5/corner_x = 739.000000
p9a5/corner_y = 857.000000

p9a6/dim1 = 9
p9a6/min_fs = 513
p9a6/max_fs = 766
p9a6/min_ss = 257
p9a6/max_ss = 510
p9a6/corner_x = 481.000000
p9a6/corner_y = 857.000000

p9a7/dim1 = 9
p9a7/min_fs = 769
p9a7/max_fs = 1022
p9a7/min_ss = 257
p9a7/max_ss = 510
p9a7/corner_x = 223.000000
p9a7/corner_y = 857.000000

p10a0/dim1 = 10
p10a0/min_fs = 1
p10a0/max_fs = 254
p10a0/min_ss = 1
p10a0/max_ss = 254
p10a0/corner_x = -41.000000
p10a0/corner_y = 1047.000000

p10a1/dim1 = 10
p10a1/min_fs = 257
p10a1/max_fs = 510
p10a1/min_ss = 1
p10a1/max_ss = 254
p10a1/corner_x = -299.000000
p10a1/corner_y = 1047.000000

p10a2/dim1 = 10
p10a2/min_fs = 513
p10a2/max_fs = 766
p10a2/min_ss = 1
p10a2/max_ss = 254
p10a2/corner_x = -557.000000
p10a2/corner_y = 1047.000000

p10a3/dim1 = 10
p10a3/min_fs = 769
p10a3/max_fs = 1022
p10a3/min_ss = 1
p10a3/max_ss = 254
p10a3/corner_x = -815.000000
p10a3/corner_y = 1047.000000

p10a4/dim1 = 10
p10a4/min_fs = 1
p10a4/max_fs = 254
p10a4/min_ss = 257
p10a4/max_ss = 510
p10a4/corner_x = -41.000000
p10a4/corner_y = 789.000000

p10a5/dim1 = 10
p10a5/min_fs = 257
p10a5/max_fs = 510
p10a5/min_ss = 257
p10a5/max_ss = 510
p10a5/corner_x = -299.000000
p10a5/corner_y = 789.000000

p10a6/dim1 = 10
p10a6/min_fs = 513
p10a6/max_fs = 766
p10a6/min_ss = 257
p10a6/max_ss = 510
p10a6/corner_x = -557.000000
p10a6/corner_y = 789.000000

p10a7/dim1 = 10
p10a7/min_fs = 769
p10a7/max_fs = 1022
p10a7/min_ss = 257
p10a7/max_ss = 510
p10a7/corner_x = -815.000000
p10a7/corner_y = 789.000000

p11a0/dim1 = 11
p11a0/min_fs = 1
p11a0/max_fs = 254
p11a0/min_ss = 1
p11a0/max_ss = 254
p11a0/corner_x = -1079.000000
p11a0/corner_y = 1047.000000

p11a1/dim1 = 11
p11a1/min_fs = 257
p11a1/max_fs = 510
p11a1/min_ss = 1
p11a1/max_ss = 254
p11a1/corner_x = -1337.000000
p11a1/corner_y = 1047.000000

p11a2/dim1 = 11
p11a2/min_fs = 513
p11a2/max_fs = 766
p11a2/min_ss = 1
p11a2/max_ss = 254
p11a2/corner_x = -1595.000000
p11a2/corner_y = 1047.000000

p11a3/dim1 = 11
p11a3/min_fs = 769
p11a3/max_fs = 1022
p11a3/min_ss = 1
p11a3/max_ss = 254
p11a3/corner_x = -1853.000000
p11a3/corner_y = 1047.000000

p11a4/dim1 = 11
p11a4/min_fs = 1
p11a4/max_fs = 254
p11a4/min_ss = 257
p11a4/max_ss = 510
p11a4/corner_x = -1079.000000
p11a4/corner_y = 789.000000

p11a5/dim1 = 11
p11a5/min_fs = 257
p11a5/max_fs = 510
p11a5/min_ss = 257
p11a5/max_ss = 510
p11a5/corner_x = -1337.000000
p11a5/corner_y = 789.000000

p11a6/dim1 = 11
p11a6/min_fs = 513
p11a6/max_fs = 766
p11a6/min_ss = 257
p11a6/max_ss = 510
p11a6/corner_x = -1595.000000
p11a6/corner_y = 789.000000

p11a7/dim1 = 11
p11a7/min_fs = 769
p11a7/max_fs = 1022
p11a7/min_ss = 257
p11a7/max_ss = 510
p11a7/corner_x = -1853.000000
p11a7/corner_y = 789.000000

p12a0/dim1 = 12
p12a0/min_fs = 1
p12a0/max_fs = 254
p12a0/min_ss = 1
p12a0/max_ss = 254
p12a0/corner_x = 2035.000000
p12a0/corner_y = 565.000000

p12a1/dim1 = 12
p12a1/min_fs = 257
p12a1/max_fs = 510
p12a1/min_ss = 1
p12a1/max_ss = 254
p12a1/corner_x = 1777.000000
p12a1/corner_y = 565.000000

p12a2/dim1 = 12
p12a2/min_fs = 513
p12a2/max_fs = 766
p12a2/min_ss = 1
p12a2/max_ss = 254
p12a2/corner_x = 1519.000000
p12a2/corner_y = 565.000000

p12a3/dim1 = 12
p12a3/min_fs = 769
p12a3/max_fs = 1022
p12a3/min_ss = 1
p12a3/max_ss = 254
p12a3/corner_x = 1261.000000
p12a3/corner_y = 565.000000

p12a4/dim1 = 12
p12a4/min_fs = 1
p12a4/max_fs = 254
p12a4/min_ss = 257
p12a4/max_ss = 510
p12a4/corner_x = 2035.000000
p12a4/corner_y = 307.000000

p12a5/dim1 = 12
p12a5/min_fs = 257
p12a5/max_fs = 510
p12a5/min_ss = 257
p12a5/max_ss = 510
p12a5/corner_x = 1777.000000
p12a5/corner_y = 307.000000

p12a6/dim1 = 12
p12a6/min_fs = 513
p12a6/max_fs = 766
p12a6/min_ss = 257
p12a6/max_ss = 510
p12a6/corner_x = 1519.000000
p12a6/corner_y = 307.000000

p12a7/dim1 = 12
p12a7/min_fs = 769
p12a7/max_fs = 1022
p12a7/min_ss = 257
p12a7/max_ss = 510
p12a7/corner_x = 1261.000000
p12a7/corner_y = 307.000000

p13a0/dim1 = 13
p13a0/min_fs = 1
p13a0/max_fs = 254
p13a0/min_ss = 1
p13a0/max_ss = 254
p13a0/corner_x = 997.000000
p13a0/corner_y = 565.000000

p13a1/dim1 = 13
p13a1/min_fs = 257
p13a1/max_fs = 510
p13a1/min_ss = 1
p13a1/max_ss = 254
p13a1/corner_x = 739.000000
p13a1/corner_y = 565.000000

p13a2/dim1 = 13
p13a2/min_fs = 513
p13a2/max_fs = 766
p13a2/min_ss = 1
p13a2/max_ss = 254
p13a2/corner_x = 481.000000
p13a2/corner_y = 565.000000

p13a3/dim1 = 13
p13a3/min_fs = 769
p13a3/max_fs = 1022
p13a3/min_ss = 1
p13a3/max_ss = 254
p13a3/corner_x = 223.000000
p13a3/corner_y = 565.000000

p13a4/dim1 = 13
p13a4/min_fs = 1
p13a4/max_fs = 254
p13a4/min_ss = 257
p13a4/max_ss = 510
p13a4/corner_x = 997.000000
p13a4/corner_y = 307.000000

p13a5/dim1 = 13
p13a5/min_fs = 257
p13a5/max_fs = 510
p13a5/min_ss = 257
p13a5/max_ss = 510
p13a5/corner_x = 739.000000
p13a5/corner_y = 307.000000

p13a6/dim1 = 13
p13a6/min_fs = 513
p13a6/max_fs = 766
p13a6/min_ss = 257
p13a6/max_ss = 510
p13a6/corner_x = 481.000000
p13a6/corner_y = 307.000000

p13a7/dim1 = 13
p13a7/min_fs = 769
p13a7/max_fs = 1022
p13a7/min_ss = 257
p13a7/max_ss = 510
p13a7/corner_x = 223.000000
p13a7/corner_y = 307.000000

p14a0/dim1 = 14
p14a0/min_fs = 1
p14a0/max_fs = 254
p14a0/min_ss = 1
p14a0/max_ss = 254
p14a0/corner_x = -41.000000
p14a0/corner_y = 497.000000

p14a1/dim1 = 14
p14a1/min_fs = 257
p14a1/max_fs = 510
p14a1/min_ss = 1
p14a1/max_ss = 254
p14a1/corner_x = -299.000000
p14a1/corner_y = 497.000000

p14a2/dim1 = 14
p14a2/min_fs = 513
p14a2/max_fs = 766
p14a2/min_ss = 1
p14a2/max_ss = 254
p14a2/corner_x = -557.000000
p14a2/corner_y = 497.000000

p14a3/dim1 = 14
p14a3/min_fs = 769
p14a3/max_fs = 1022
p14a3/min_ss = 1
p14a3/max_ss = 254
p14a3/corner_x = -815.000000
p14a3/corner_y = 497.000000

p14a4/dim1 = 14
p14a4/min_fs = 1
p14a4/max_fs = 254
p14a4/min_ss = 257
p14a4/max_ss = 510
p14a4/corner_x = -41.000000
p14a4/corner_y = 239.000000

p14a5/dim1 = 14
p14a5/min_fs = 257
p14a5/max_fs = 510
p14a5/min_ss = 257
p14a5/max_ss = 510
p14a5/corner_x = -299.000000
p14a5/corner_y = 239.000000

p14a6/dim1 = 14
p14a6/min_fs = 513
p14a6/max_fs = 766
p14a6/min_ss = 257
p14a6/max_ss = 510
p14a6/corner_x = -557.000000
p14a6/corner_y = 239.000000

p14a7/dim1 = 14
p14a7/min_fs = 769
p14a7/max_fs = 1022
p14a7/min_ss = 257
p14a7/max_ss = 510
p14a7/corner_x = -815.000000
p14a7/corner_y = 239.000000

p15a0/dim1 = 15
p15a0/min_fs = 1
p15a0/max_fs = 254
p15a0/min_ss = 1
p15a0/max_ss = 254
p15a0/corner_x = -1079.000000
p15a0/corner_y = 497.000000

p15a1/dim1 = 15
p15a1/min_fs = 257
p15a1/max_fs = 510
p15a1/min_ss = 1
p15a1/max_ss = 254
p15a1/corner_x = -1337.000000
p15a1/corner_y = 497.000000

p15a2/dim1 = 15
p15a2/min_fs = 513
p15a2/max_fs = 766
p15a2/min_ss = 1
p15a2/max_ss = 254
p15a2/corner_x = -1595.000000
p15a2/corner_y = 497.000000

p15a3/dim1 = 15
p15a3/min_fs = 769
p15a3/max_fs = 1022
p15a3/min_ss = 1
p15a3/max_ss = 254
p15a3/corner_x = -1853.000000
p15a3/corner_y = 497.000000

p15a4/dim1 = 15
p15a4/min_fs = 1
p15a4/max_fs = 254
p15a4/min_ss = 257
p15a4/max_ss = 510
p15a4/corner_x = -1079.000000
p15a4/corner_y = 239.000000

p15a5/dim1 = 15
p15a5/min_fs = 257
p15a5/max_fs = 510
p15a5/min_ss = 257
p15a5/max_ss = 510
p15a5/corner_x = -1337.000000
p15a5/corner_y = 239.000000

p15a6/dim1 = 15
p15a6/min_fs = 513
p15a6/max_fs = 766
p15a6/min_ss = 257
p15a6/max_ss = 510
p15a6/corner_x = -1595.000000
p15a6/corner_y = 239.000000

p15a7/dim1 = 15
p15a7/min_fs = 769
p15a7/max_fs = 1022
p15a7/min_ss = 257
p15a7/max_ss = 510
p15a7/corner_x = -1853.000000
p15a7/corner_y = 239.000000

p16a0/dim1 = 16
p16a0/min_fs = 1
p16a0/max_fs = 254
p16a0/min_ss = 1
p16a0/max_ss = 254
p16a0/corner_x = 2107.000000
p16a0/corner_y = 15.000000

p16a1/dim1 = 16
p16a1/min_fs = 257
p16a1/max_fs = 510
p16a1/min_ss = 1
p16a1/max_ss = 254
p16a1/corner_x = 1849.000000
p16a1/corner_y = 15.000000

p16a2/dim1 = 16
p16a2/min_fs = 513
p16a2/max_fs = 766
p16a2/min_ss = 1
p16a2/max_ss = 254
p16a2/corner_x = 1591.000000
p16a2/corner_y = 15.000000

p16a3/dim1 = 16
p16a3/min_fs = 769
p16a3/max_fs = 1022
p16a3/min_ss = 1
p16a3/max_ss = 254
p16a3/corner_x = 1333.000000
p16a3/corner_y = 15.000000

p16a4/dim1 = 16
p16a4/min_fs = 1
p16a4/max_fs = 254
p16a4/min_ss = 257
p16a4/max_ss = 510
p16a4/corner_x = 2107.000000
p16a4/corner_y = -243.000000

p16a5/dim1 = 16
p16a5/min_fs = 257
p16a5/max_fs = 510
p16a5/min_ss = 257
p16a5/max_ss = 510
p16a5/corner_x = 1849.000000
p16a5/corner_y = -243.000000

p16a6/dim1 = 16
p16a6/min_fs = 513
p16a6/max_fs = 766
p16a6/min_ss = 257
p16a6/max_ss = 510
p16a6/corner_x = 1591.000000
p16a6/corner_y = -243.000000

p16a7/dim1 = 16
p16a7/min_fs = 769
p16a7/max_fs = 1022
p16a7/min_ss = 257
p16a7/max_ss = 510
p16a7/corner_x = 1333.000000
p16a7/corner_y = -243.000000

p17a0/dim1 = 17
p17a0/min_fs = 1
p17a0/max_fs = 254
p17a0/min_ss = 1
p17a0/max_ss = 254
p17a0/corner_x = 1069.000000
p17a0/corner_y = 15.000000

p17a1/dim1 = 17
p17a1/min_fs = 257
p17a1/max_fs = 510
p17a1/min_ss = 1
p17a1/max_ss = 254
p17a1/corner_x = 811.000000
p17a1/corner_y = 15.000000

p17a2/dim1 = 17
p17a2/min_fs = 513
p17a2/max_fs = 766
p17a2/min_ss = 1
p17a2/max_ss = 254
p17a2/corner_x = 553.000000
p17a2/corner_y = 15.000000

p17a3/dim1 = 17
p17a3/min_fs = 769
p17a3/max_fs = 1022
p17a3/min_ss = 1
p17a3/max_ss = 254
p17a3/corner_x = 295.000000
p17a3/corner_y = 15.000000

p17a4/dim1 = 17
p17a4/min_fs = 1
p17a4/max_fs = 254
p17a4/min_ss = 257
p17a4/max_ss = 510
p17a4/corner_x = 1069.000000
p17a4/corner_y = -243.000000

p17a5/dim1 = 17
p17a5/min_fs = 257
p17a5/max_fs = 510
p17a5/min_ss = 257
p17a5/max_ss = 510
p17a5/corner_x = 811.000000
p17a5/corner_y = -243.000000

p17a6/dim1 = 17
p17a6/min_fs = 513
p17a6/max_fs = 766
p17a6/min_ss = 257
p17a6/max_ss = 510
p17a6/corner_x = 553.000000
p17a6/corner_y = -243.000000

p17a7/dim1 = 17
p17a7/min_fs = 769
p17a7/max_fs = 1022
p17a7/min_ss = 257
p17a7/max_ss = 510
p17a7/corner_x = 295.000000
p17a7/corner_y = -243.000000

p18a0/dim1 = 18
p18a0/min_fs = 1
p18a0/max_fs = 254
p18a0/min_ss = 1
p18a0/max_ss = 254
p18a0/corner_x = 31.000000
p18a0/corner_y = -53.000000

p18a1/dim1 = 18
p18a1/min_fs = 257
p18a1/max_fs = 510
p18a1/min_ss = 1
p18a1/max_ss = 254
p18a1/corner_x = -227.000000
p18a1/corner_y = -53.000000

p18a2/dim1 = 18
p18a2/min_fs = 513
p18a2/max_fs = 766
p18a2/min_ss = 1
p18a2/max_ss = 254
p18a2/corner_x = -485.000000
p18a2/corner_y = -53.000000

p18a3/dim1 = 18
p18a3/min_fs = 769
p18a3/max_fs = 1022
p18a3/min_ss = 1
p18a3/max_ss = 254
p18a3/corner_x = -743.000000
p18a3/corner_y = -53.000000

p18a4/dim1 = 18
p18a4/min_fs = 1
p18a4/max_fs = 254
p18a4/min_ss = 257
p18a4/max_ss = 510
p18a4/corner_x = 31.000000
p18a4/corner_y = -311.000000

p18a5/dim1 = 18
p18a5/min_fs = 257
p18a5/max_fs = 510
p18a5/min_ss = 257
p18a5/max_ss = 510
p18a5/corner_x = -227.000000
p18a5/corner_y = -311.000000

p18a6/dim1 = 18
p18a6/min_fs = 513
p18a6/max_fs = 766
p18a6/min_ss = 257
p18a6/max_ss = 510
p18a6/corner_x = -485.000000
p18a6/corner_y = -311.000000

p18a7/dim1 = 18
p18a7/min_fs = 769
p18a7/max_fs = 1022
p18a7/min_ss = 257
p18a7/max_ss = 510
p18a7/corner_x = -743.000000
p18a7/corner_y = -311.000000

p19a0/dim1 = 19
p19a0/min_fs = 1
p19a0/max_fs = 254
p19a0/min_ss = 1
p19a0/max_ss = 254
p19a0/corner_x = -1007.000000
p19a0/corner_y = -53.000000

p19a1/dim1 = 19
p19a1/min_fs = 257
p19a1/max_fs = 510
p19a1/min_ss = 1
p19a1/max_ss = 254
p19a1/corner_x = -1265.000000
p19a1/corner_y = -53.000000

p19a2/dim1 = 19
p19a2/min_fs = 513
p19a2/max_fs = 766
p19a2/min_ss = 1
p19a2/max_ss = 254
p19a2/corner_x = -1523.000000
p19a2/corner_y = -53.000000

p19a3/dim1 = 19
p19a3/min_fs = 769
p19a3/max_fs = 1022
p19a3/min_ss = 1
p19a3/max_ss = 254
p19a3/corner_x = -1781.000000
p19a3/corner_y = -53.000000

p19a4/dim1 = 19
p19a4/min_fs = 1
p19a4/max_fs = 254
p19a4/min_ss = 257
p19a4/max_ss = 510
p19a4/corner_x = -1007.000000
p19a4/corner_y = -311.000000

p19a5/dim1 = 19
p19a5/min_fs = 257
p19a5/max_fs = 510
p19a5/min_ss = 257
p19a5/max_ss = 510
p19a5/corner_x = -1265.000000
p19a5/corner_y = -311.000000

p19a6/dim1 = 19
p19a6/min_fs = 513
p19a6/max_fs = 766
p19a6/min_ss = 257
p19a6/max_ss = 510
p19a6/corner_x = -1523.000000
p19a6/corner_y = -311.000000

p19a7/dim1 = 19
p19a7/min_fs = 769
p19a7/max_fs = 1022
p19a7/min_ss = 257
p19a7/max_ss = 510
p19a7/corner_x = -1781.000000
p19a7/corner_y = -311.000000

p20a0/dim1 = 20
p20a0/min_fs = 1
p20a0/max_fs = 254
p20a0/min_ss = 1
p20a0/max_ss = 254
p20a0/corner_x = 2107.000000
p20a0/corner_y = -535.000000

p20a1/dim1 = 20
p20a1/min_fs = 257
p20a1/max_fs = 510
p20a1/min_ss = 1
p20a1/max_ss = 254
p20a1/corner_x = 1849.000000
p20a1/corner_y = -535.000000

p20a2/dim1 = 20
p20a2/min_fs = 513
p20a2/max_fs = 766
p20a2/min_ss = 1
p20a2/max_ss = 254
p20a2/corner_x = 1591.000000
p20a2/corner_y = -535.000000

p20a3/dim1 = 20
p20a3/min_fs = 769
p20a3/max_fs = 1022
p20a3/min_ss = 1
p20a3/max_ss = 254
p20a3/corner_x = 1333.000000
p20a3/corner_y = -535.000000

p20a4/dim1 = 20
p20a4/min_fs = 1
p20a4/max_fs = 254
p20a4/min_ss = 257
p20a4/max_ss = 510
p20a4/corner_x = 2107.000000
p20a4/corner_y = -793.000000

p20a5/dim1 = 20
p20a5/min_fs = 257
p20a5/max_fs = 510
p20a5/min_ss = 257
p20a5/max_ss = 510
p20a5/corner_x = 1849.000000
p20a5/corner_y = -793.000000

p20a6/dim1 = 20
p20a6/min_fs = 513
p20a6/max_fs = 766
p20a6/min_ss = 257
p20a6/max_ss = 510
p20a6/corner_x = 1591.000000
p20a6/corner_y = -793.000000

p20a7/dim1 = 20
p20a7/min_fs = 769
p20a7/max_fs = 1022
p20a7/min_ss = 257
p20a7/max_ss = 510
p20a7/corner_x = 1333.000000
p20a7/corner_y = -793.000000

p21a0/dim1 = 21
p21a0/min_fs = 1
p21a0/max_fs = 254
p21a0/min_ss = 1
p21a0/max_ss = 254
p21a0/corner_x = 1069.000000
p21a0/corner_y = -535.000000

p21a1/dim1 = 21
p21a1/min_fs = 257
p21a1/max_fs = 510
p21a1/min_ss = 1
p21a1/max_ss = 254
p21a1/corner_x = 811.000000
p21a1/corner_y = -535.000000

p21a2/dim1 = 21
p21a2/min_fs = 513
p21a2/max_fs = 766
p21a2/min_ss = 1
p21a2/max_ss = 254
p21a2/corner_x = 553.000000
p21a2/corner_y = -535.000000

p21a3/dim1 = 21
p21a3/min_fs = 769
p21a3/max_fs = 1022
p21a3/min_ss = 1
p21a3/max_ss = 254
p21a3/corner_x = 295.000000
p21a3/corner_y = -535.000000

p21a4/dim1 = 21
p21a4/min_fs = 1
p21a4/max_fs = 254
p21a4/min_ss = 257
p21a4/max_ss = 510
p21a4/corner_x = 1069.000000
p21a4/corner_y = -793.000000

p21a5/dim1 = 21
p21a5/min_fs = 257
p21a5/max_fs = 510
p21a5/min_ss = 257
p21a5/max_ss = 510
p21a5/corner_x = 811.000000
p21a5/corner_y = -793.000000

p21a6/dim1 = 21
p21a6/min_fs = 513
p21a6/max_fs = 766
p21a6/min_ss = 257
p21a6/max_ss = 510
p21a6/corner_x = 553.000000
p21a6/corner_y = -793.000000

p21a7/dim1 = 21
p21a7/min_fs = 769
p21a7/max_fs = 1022
p21a7/min_ss = 257
p21a7/max_ss = 510
p21a7/corner_x = 295.000000
p21a7/corner_y = -793.000000

p22a0/dim1 = 22
p22a0/min_fs = 1
p22a0/max_fs = 254
p22a0/min_ss = 1
p22a0/max_ss = 254
p22a0/corner_x = 31.000000
p22a0/corner_y = -603.000000

p22a1/dim1 = 22
p22a1/min_fs = 257
p22a1/max_fs = 510
p22a1/min_ss = 1
p22a1/max_ss = 254
p22a1/corner_x = -227.000000
p22a1/corner_y = -603.000000

p22a2/dim1 = 22
p22a2/min_fs = 513
p22a2/max_fs = 766
p22a2/min_ss = 1
p22a2/max_ss = 254
p22a2/corner_x = -485.000000
p22a2/corner_y = -603.000000

p22a3/dim1 = 22
p22a3/min_fs = 769
p22a3/max_fs = 1022
p22a3/min_ss = 1
p22a3/max_ss = 254
p22a3/corner_x = -743.000000
p22a3/corner_y = -603.000000

p22a4/dim1 = 22
p22a4/min_fs = 1
p22a4/max_fs = 254
p22a4/min_ss = 257
p22a4/max_ss = 510
p22a4/corner_x = 31.000000
p22a4/corner_y = -861.000000

p22a5/dim1 = 22
p22a5/min_fs = 257
p22a5/max_fs = 510
p22a5/min_ss = 257
p22a5/max_ss = 510
p22a5/corner_x = -227.000000
p22a5/corner_y = -861.000000

p22a6/dim1 = 22
p22a6/min_fs = 513
p22a6/max_fs = 766
p22a6/min_ss = 257
p22a6/max_ss = 510
p22a6/corner_x = -485.000000
p22a6/corner_y = -861.000000

p22a7/dim1 = 22
p22a7/min_fs = 769
p22a7/max_fs = 1022
p22a7/min_ss = 257
p22a7/max_ss = 510
p22a7/corner_x = -743.000000
p22a7/corner_y = -861.000000

p23a0/dim1 = 23
p23a0/min_fs = 1
p23a0/max_fs = 254
p23a0/min_ss = 1
p23a0/max_ss = 254
p23a0/corner_x = -1007.000000
p23a0/corner_y = -603.000000

p23a1/dim1 = 23
p23a1/min_fs = 257
p23a1/max_fs = 510
p23a1/min_ss = 1
p23a1/max_ss = 254
p23a1/corner_x = -1265.000000
p23a1/corner_y = -603.000000

p23a2/dim1 = 23
p23a2/min_fs = 513
p23a2/max_fs = 766
p23a2/min_ss = 1
p23a2/max_ss = 254
p23a2/corner_x = -1523.000000
p23a2/corner_y = -603.000000

p23a3/dim1 = 23
p23a3/min_fs = 769
p23a3/max_fs = 1022
p23a3/min_ss = 1
p23a3/max_ss = 254
p23a3/corner_x = -1781.000000
p23a3/corner_y = -603.000000

p23a4/dim1 = 23
p23a4/min_fs = 1
p23a4/max_fs = 254
p23a4/min_ss = 257
p23a4/max_ss = 510
p23a4/corner_x = -1007.000000
p23a4/corner_y = -861.000000

p23a5/dim1 = 23
p23a5/min_fs = 257
p23a5/max_fs = 510
p23a5/min_ss = 257
p23a5/max_ss = 510
p23a5/corner_x = -1265.000000
p23a5/corner_y = -861.000000

p23a6/dim1 = 23
p23a6/min_fs = 513
p23a6/max_fs = 766
p23a6/min_ss = 257
p23a6/max_ss = 510
p23a6/corner_x = -1523.000000
p23a6/corner_y = -861.000000

p23a7/dim1 = 23
p23a7/min_fs = 769
p23a7/max_fs = 1022
p23a7/min_ss = 257
p23a7/max_ss = 510
p23a7/corner_x = -1781.000000
p23a7/corner_y = -861.000000

p24a0/dim1 = 24
p24a0/min_fs = 1
p24a0/max_fs = 254
p24a0/min_ss = 1
p24a0/max_ss = 254
p24a0/corner_x = 2107.000000
p24a0/corner_y = -1085.000000

p24a1/dim1 = 24
p24a1/min_fs = 257
p24a1/max_fs = 510
p24a1/min_ss = 1
p24a1/max_ss = 254
p24a1/corner_x = 1849.000000
p24a1/corner_y = -1085.000000

p24a2/dim1 = 24
p24a2/min_fs = 513
p24a2/max_fs = 766
p24a2/min_ss = 1
p24a2/max_ss = 254
p24a2/corner_x = 1591.000000
p24a2/corner_y = -1085.000000

p24a3/dim1 = 24
p24a3/min_fs = 769
p24a3/max_fs = 1022
p24a3/min_ss = 1
p24a3/max_ss = 254
p24a3/corner_x = 1333.000000
p24a3/corner_y = -1085.000000

p24a4/dim1 = 24
p24a4/min_fs = 1
p24a4/max_fs = 254
p24a4/min_ss = 257
p24a4/max_ss = 510
p24a4/corner_x = 2107.000000
p24a4/corner_y = -1343.000000

p24a5/dim1 = 24
p24a5/min_fs = 257
p24a5/max_fs = 510
p24a5/min_ss = 257
p24a5/max_ss = 510
p24a5/corner_x = 1849.000000
p24a5/corner_y = -1343.000000

p24a6/dim1 = 24
p24a6/min_fs = 513
p24a6/max_fs = 766
p24a6/min_ss = 257
p24a6/max_ss = 510
p24a6/corner_x = 1591.000000
p24a6/corner_y = -1343.000000

p24a7/dim1 = 24
p24a7/min_fs = 769
p24a7/max_fs = 1022
p24a7/min_ss = 257
p24a7/max_ss = 510
p24a7/corner_x = 1333.000000
p24a7/corner_y = -1343.000000

p25a0/dim1 = 25
p25a0/min_fs = 1
p25a0/max_fs = 254
p25a0/min_ss = 1
p25a0/max_ss = 254
p25a0/corner_x = 1069.000000
p25a0/corner_y = -1085.000000

p25a1/dim1 = 25
p25a1/min_fs = 257
p25a1/max_fs = 510
p25a1/min_ss = 1
p25a1/max_ss = 254
p25a1/corner_x = 811.000000
p25a1/corner_y = -1085.000000

p25a2/dim1 = 25
p25a2/min_fs = 513
p25a2/max_fs = 766
p25a2/min_ss = 1
p25a2/max_ss = 254
p25a2/corner_x = 553.000000
p25a2/corner_y = -1085.000000

p25a3/dim1 = 25
p25a3/min_fs = 769
p25a3/max_fs = 1022
p25a3/min_ss = 1
p25a3/max_ss = 254
p25a3/corner_x = 295.000000
p25a3/corner_y = -1085.000000

p25a4/dim1 = 25
p25a4/min_fs = 1
p25a4/max_fs = 254
p25a4/min_ss = 257
p25a4/max_ss = 510
p25a4/corner_x = 1069.000000
p25a4/corner_y = -1343.000000

p25a5/dim1 = 25
p25a5/min_fs = 257
p25a5/max_fs = 510
p25a5/min_ss = 257
p25a5/max_ss = 510
p25a5/corner_x = 811.000000
p25a5/corner_y = -1343.000000

p25a6/dim1 = 25
p25a6/min_fs = 513
p25a6/max_fs = 766
p25a6/min_ss = 257
p25a6/max_ss = 510
p25a6/corner_x = 553.000000
p25a6/corner_y = -1343.000000

p25a7/dim1 = 25
p25a7/min_fs = 769
p25a7/max_fs = 1022
p25a7/min_ss = 257
p25a7/max_ss = 510
p25a7/corner_x = 295.000000
p25a7/corner_y = -1343.000000

p26a0/dim1 = 26
p26a0/min_fs = 1
p26a0/max_fs = 254
p26a0/min_ss = 1
p26a0/max_ss = 254
p26a0/corner_x = 31.000000
p26a0/corner_y = -1153.000000

p26a1/dim1 = 26
p26a1/min_fs = 257
p26a1/max_fs = 510
p26a1/min_ss = 1
p26a1/max_ss = 254
p26a1/corner_x = -227.000000
p26a1/corner_y = -1153.000000

p26a2/dim1 = 26
p26a2/min_fs = 513
p26a2/max_fs = 766
p26a2/min_ss = 1
p26a2/max_ss = 254
p26a2/corner_x = -485.000000
p26a2/corner_y = -1153.000000

p26a3/dim1 = 26
p26a3/min_fs = 769
p26a3/max_fs = 1022
p26a3/min_ss = 1
p26a3/max_ss = 254
p26a3/corner_x = -743.000000
p26a3/corner_y = -1153.000000

p26a4/dim1 = 26
p26a4/min_fs = 1
p26a4/max_fs = 254
p26a4/min_ss = 257
p26a4/max_ss = 510
p26a4/corner_x = 31.000000
p26a4/corner_y = -1411.000000

p26a5/dim1 = 26
p26a5/min_fs = 257
p26a5/max_fs = 510
p26a5/min_ss = 257
p26a5/max_ss = 510
p26a5/corner_x = -227.000000
p26a5/corner_y = -1411.000000

p26a6/dim1 = 26
p26a6/min_fs = 513
p26a6/max_fs = 766
p26a6/min_ss = 257
p26a6/max_ss = 510
p26a6/corner_x = -485.000000
p26a6/corner_y = -1411.000000

p26a7/dim1 = 26
p26a7/min_fs = 769
p26a7/max_fs = 1022
p26a7/min_ss = 257
p26a7/max_ss = 510
p26a7/corner_x = -743.000000
p26a7/corner_y = -1411.000000

p27a0/dim1 = 27
p27a0/min_fs = 1
p27a0/max_fs = 254
p27a0/min_ss = 1
p27a0/max_ss = 254
p27a0/corner_x = -1007.000000
p27a0/corner_y = -1153.000000

p27a1/dim1 = 27
p27a1/min_fs = 257
p27a1/max_fs = 510
p27a1/min_ss = 1
p27a1/max_ss = 254
p27a1/corner_x = -1265.000000
p27a1/corner_y = -1153.000000

p27a2/dim1 = 27
p27a2/min_fs = 513
p27a2/max_fs = 766
p27a2/min_ss = 1
p27a2/max_ss = 254
p27a2/corner_x = -1523.000000
p27a2/corner_y = -1153.000000

p27a3/dim1 = 27
p27a3/min_fs = 769
p27a3/max_fs = 1022
p27a3/min_ss = 1
p27a3/max_ss = 254
p27a3/corner_x = -1781.000000
p27a3/corner_y = -1153.000000

p27a4/dim1 = 27
p27a4/min_fs = 1
p27a4/max_fs = 254
p27a4/min_ss = 257
p27a4/max_ss = 510
p27a4/corner_x = -1007.000000
p27a4/corner_y = -1411.000000

p27a5/dim1 = 27
p27a5/min_fs = 257
p27a5/max_fs = 510
p27a5/min_ss = 257
p27a5/max_ss = 510
p27a5/corner_x = -1265.000000
p27a5/corner_y = -1411.000000

p27a6/dim1 = 27
p27a6/min_fs = 513
p27a6/max_fs = 766
p27a6/min_ss = 257
p27a6/max_ss = 510
p27a6/corner_x = -1523.000000
p27a6/corner_y = -1411.000000

p27a7/dim1 = 27
p27a7/min_fs = 769
p27a7/max_fs = 1022
p27a7/min_ss = 257
p27a7/max_ss = 510
p27a7/corner_x = -1781.000000
p27a7/corner_y = -1411.000000

p28a0/dim1 = 28
p28a0/min_fs = 1
p28a0/max_fs = 254
p28a0/min_ss = 1
p28a0/max_ss = 254
p28a0/corner_x = 2107.000000
p28a0/corner_y = -1635.000000

p28a1/dim1 = 28
p28a1/min_fs = 257
p28a1/max_fs = 510
p28a1/min_ss = 1
p28a1/max_ss = 254
p28a1/corner_x = 1849.000000
p28a1/corner_y = -1635.000000

p28a2/dim1 = 28
p28a2/min_fs = 513
p28a2/max_fs = 766
p28a2/min_ss = 1
p28a2/max_ss = 254
p28a2/corner_x = 1591.000000
p28a2/corner_y = -1635.000000

p28a3/dim1 = 28
p28a3/min_fs = 769
p28a3/max_fs = 1022
p28a3/min_ss = 1
p28a3/max_ss = 254
p28a3/corner_x = 1333.000000
p28a3/corner_y = -1635.000000

p28a4/dim1 = 28
p28a4/min_fs = 1
p28a4/max_fs = 254
p28a4/min_ss = 257
p28a4/max_ss = 510
p28a4/corner_x = 2107.000000
p28a4/corner_y = -1893.000000

p28a5/dim1 = 28
p28a5/min_fs = 257
p28a5/max_fs = 510
p28a5/min_ss = 257
p28a5/max_ss = 510
p28a5/corner_x = 1849.000000
p28a5/corner_y = -1893.000000

p28a6/dim1 = 28
p28a6/min_fs = 513
p28a6/max_fs = 766
p28a6/min_ss = 257
p28a6/max_ss = 510
p28a6/corner_x = 1591.000000
p28a6/corner_y = -1893.000000

p28a7/dim1 = 28
p28a7/min_fs = 769
p28a7/max_fs = 1022
p28a7/min_ss = 257
p28a7/max_ss = 510
p28a7/corner_x = 1333.000000
p28a7/corner_y = -1893.000000

p29a0/dim1 = 29
p29a0/min_fs = 1
p29a0/max_fs = 254
p29a0/min_ss = 1
p29a0/max_ss = 254
p29a0/corner_x = 1069.000000
p29a0/corner_y = -1635.000000

p29a1/dim1 = 29
p29a1/min_fs = 257
p29a1/max_fs = 510
p29a1/min_ss = 1
p29a1/max_ss = 254
p29a1/corner_x = 811.000000
p29a1/corner_y = -1635.000000

p29a2/dim1 = 29
p29a2/min_fs = 513
p29a2/max_fs = 766
p29a2/min_ss = 1
p29a2/max_ss = 254
p29a2/corner_x = 553.000000
p29a2/corner_y = -1635.000000

p29a3/dim1 = 29
p29a3/min_fs = 769
p29a3/max_fs = 1022
p29a3/min_ss = 1
p29a3/max_ss = 254
p29a3/corner_x = 295.000000
p29a3/corner_y = -1635.000000

p29a4/dim1 = 29
p29a4/min_fs = 1
p29a4/max_fs = 254
p29a4/min_ss = 257
p29a4/max_ss = 510
p29a4/corner_x = 1069.000000
p29a4/corner_y = -1893.000000

p29a5/dim1 = 29
p29a5/min_fs = 257
p29a5/max_fs = 510
p29a5/min_ss = 257
p29a5/max_ss = 510
p29a5/corner_x = 811.000000
p29a5/corner_y = -1893.000000

p29a6/dim1 = 29
p29a6/min_fs = 513
p29a6/max_fs = 766
p29a6/min_ss = 257
p29a6/max_ss = 510
p29a6/corner_x = 553.000000
p29a6/corner_y = -1893.000000

p29a7/dim1 = 29
p29a7/min_fs = 769
p29a7/max_fs = 1022
p29a7/min_ss = 257
p29a7/max_ss = 510
p29a7/corner_x = 295.000000
p29a7/corner_y = -1893.000000

p30a0/dim1 = 30
p30a0/min_fs = 1
p30a0/max_fs = 254
p30a0/min_ss = 1
p30a0/max_ss = 254
p30a0/corner_x = 31.000000
p30a0/corner_y = -1703.000000

p30a1/dim1 = 30
p30a1/min_fs = 257
p30a1/max_fs = 510
p30a1/min_ss = 1
p30a1/max_ss = 254
p30a1/corner_x = -227.000000
p30a1/corner_y = -1703.000000

p30a2/dim1 = 30
p30a2/min_fs = 513
p30a2/max_fs = 766
p30a2/min_ss = 1
p30a2/max_ss = 254
p30a2/corner_x = -485.000000
p30a2/corner_y = -1703.000000

p30a3/dim1 = 30
p30a3/min_fs = 769
p30a3/max_fs = 1022
p30a3/min_ss = 1
p30a3/max_ss = 254
p30a3/corner_x = -743.000000
p30a3/corner_y = -1703.000000

p30a4/dim1 = 30
p30a4/min_fs = 1
p30a4/max_fs = 254
p30a4/min_ss = 257
p30a4/max_ss = 510
p30a4/corner_x = 31.000000
p30a4/corner_y = -1961.000000

p30a5/dim1 = 30
p30a5/min_fs = 257
p30a5/max_fs = 510
p30a5/min_ss = 257
p30a5/max_ss = 510
p30a5/corner_x = -227.000000
p30a5/corner_y = -1961.000000

p30a6/dim1 = 30
p30a6/min_fs = 513
p30a6/max_fs = 766
p30a6/min_ss = 257
p30a6/max_ss = 510
p30a6/corner_x = -485.000000
p30a6/corner_y = -1961.000000

p30a7/dim1 = 30
p30a7/min_fs = 769
p30a7/max_fs = 1022
p30a7/min_ss = 257
p30a7/max_ss = 510
p30a7/corner_x = -743.000000
p30a7/corner_y = -1961.000000

p31a0/dim1 = 31
p31a0/min_fs = 1
p31a0/max_fs = 254
p31a0/min_ss = 1
p31a0/max_ss = 254
p31a0/corner_x = -1007.000000
p31a0/corner_y = -1703.000000

p31a1/dim1 = 31
p31a1/min_fs = 257
p31a1/max_fs = 510
p31a1/min_ss = 1
p31a1/max_ss = 254
p31a1/corner_x = -1265.000000
p31a1/corner_y = -1703.000000

p31a2/dim1 = 31
p31a2/min_fs = 513
p31a2/max_fs = 766
p31a2/min_ss = 1
p31a2/max_ss = 254
p31a2/corner_x = -1523.000000
p31a2/corner_y = -1703.000000

p31a3/dim1 = 31
p31a3/min_fs = 769
p31a3/max_fs = 1022
p31a3/min_ss = 1
p31a3/max_ss = 254
p31a3/corner_x = -1781.000000
p31a3/corner_y = -1703.000000

p31a4/dim1 = 31
p31a4/min_fs = 1
p31a4/max_fs = 254
p31a4/min_ss = 257
p31a4/max_ss = 510
p31a4/corner_x = -1007.000000
p31a4/corner_y = -1961.000000

p31a5/dim1 = 31
p31a5/min_fs = 257
p31a5/max_fs = 510
p31a5/min_ss = 257
p31a5/max_ss = 510
p31a5/corner_x = -1265.000000
p31a5/corner_y = -1961.000000

p31a6/dim1 = 31
p31a6/min_fs = 513
p31a6/max_fs = 766
p31a6/min_ss = 257
p31a6/max_ss = 510
p31a6/corner_x = -1523.000000
p31a6/corner_y = -1961.000000

p31a7/dim1 = 31
p31a7/min_fs = 769
p31a7/max_fs = 1022
p31a7/min_ss = 257
p31a7/max_ss = 510
p31a7/corner_x = -1781.000000
p31a7/corner_y = -1961.000000
