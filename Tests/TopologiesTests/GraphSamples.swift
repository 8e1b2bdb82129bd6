/// Small files of the forms that other programs write.
enum GraphSamples {
    /// A simulation of sim-ln: two channels in a row, one payment a second along them.
    static let simLN = """
        {"sim_network": [
          {"scid": 1, "capacity_msat": 250000,
           "node_1": {"pubkey": "0344", "alias": "Alice", "max_htlc_count": 483, "max_in_flight_msat": 250000,
             "min_htlc_size_msat": 1, "max_htlc_size_msat": 100000, "cltv_expiry_delta": 40, "base_fee": 1000,
             "fee_rate_prop": 100},
           "node_2": {"pubkey": "020a", "max_htlc_count": 15, "max_in_flight_msat": 100000,
             "min_htlc_size_msat": 1, "max_htlc_size_msat": 50000, "cltv_expiry_delta": 80, "base_fee": 2000,
             "fee_rate_prop": 500}},
          {"scid": 2, "capacity_msat": 101000, "forward_only": false,
           "node_1": {"pubkey": "020a", "max_htlc_count": 200, "max_in_flight_msat": 100000,
             "min_htlc_size_msat": 1, "max_htlc_size_msat": 25000, "cltv_expiry_delta": 40, "base_fee": 1750,
             "fee_rate_prop": 100},
           "node_2": {"pubkey": "035c", "max_htlc_count": 500, "max_in_flight_msat": 500000,
             "min_htlc_size_msat": 1, "max_htlc_size_msat": 0, "cltv_expiry_delta": 80, "base_fee": 3000,
             "fee_rate_prop": 5}}
        ], "activity": [
          {"source": "0344", "destination": "035c", "interval_secs": 4, "amount_msat": 2000},
          {"source": "035c", "destination": "Alice", "start_secs": 20, "count": 10, "interval_secs": [1, 4],
           "amount_msat": [1500, 9000]}
        ]}
        """

    /// CLoTH's tables in the order they are read: three nodes in a row, the far side of both channels rich.
    static let cloth = [
        "id\n0\n1\n2\n",
        "id,edge1_id,edge2_id,node1_id,node2_id,capacity\n0,0,1,0,1,50000000\n1,2,3,2,1,20000000\n",
        """
        id,channel_id,counter_edge_id,from_node_id,to_node_id,balance,fee_base,fee_proportional,min_htlc,timelock
        0,0,1,0,1,4300909,1000,1,1000,144
        1,0,0,1,0,45699091,1000,2,1000,40
        2,1,3,2,1,842974,0,3,1000,9
        3,1,2,1,2,19157026,7,4,1000,144

        """,
    ]

    /// GraphML as a graph library writes an undirected graph without any Lightning in it.
    static let plainGraphML = """
        <?xml version='1.0' encoding='utf-8'?>
        <!-- three cities -->
        <graphml xmlns="http://graphml.graphdrawing.org/xmlns">
          <key attr.name="LinkSpeed" attr.type="string" for="edge" id="d1" />
          <key attr.name="label" attr.type="string" for="node" id="d0" />
          <graph edgedefault="undirected">
            <node id="0"><data key="d0">K&#246;ln &amp; Bonn</data></node>
            <node id="1"><data key="d0">Paris</data></node>
            <node id="2"/>
            <edge source="0" target="1"><data key="d1">10</data></edge>
            <edge source="1" target="2"/>
          </graph>
        </graphml>
        """

    /// A directed graph of channels, as network analyses of Lightning exchange it.
    static let directedGraphML = """
        <graphml>
          <key id="s" for="edge" attr.name="scid" attr.type="string"/>
          <key id="c" for="edge" attr.name="satoshis" attr.type="long"/>
          <key id="b" for="edge" attr.name="fee_base_msat" attr.type="double"><default>7</default></key>
          <key id="p" for="edge" attr.name="fee_proportional_millionths" attr.type="double"/>
          <key id="x" for="edge" attr.name="balance_msat" attr.type="long"/>
          <graph edgedefault="directed">
            <node id="a"/><node id="b"/><node id="c"/>
            <edge source="b" target="a"><data key="s">5x1x0</data><data key="c">1000</data>
              <data key="p">250.0</data><data key="x">400001</data></edge>
            <edge source="a" target="b"><data key="s">5x1x0</data><data key="c">1000</data>
              <data key="b">0</data></edge>
            <edge source="a" target="b"><data key="c">2000</data></edge>
            <edge source="b" target="c"><data key="c">3000</data></edge>
            <edge source="b" target="a"><data key="c">2000</data></edge>
          </graph>
        </graphml>
        """
}
